import asyncio

from aiokafka import AIOKafkaConsumer
from virtual_time import run_virtually

from card_fulfillment.kafka.ending import end_consumer, let_end


async def nothing() -> None:
    pass


async def failure() -> None:
    raise OSError("the broker is away")


async def cancellation() -> None:
    """What aiokafka does where a fetch waits to be tried again."""
    waiting = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    waiting.cancel()
    await waiting


async def test_whatever_comes_of_an_end_is_told_and_not_raised() -> None:
    assert await let_end(nothing(), 1)
    assert not await let_end(failure(), 1)
    assert not await let_end(cancellation(), 1)
    assert not await let_end(asyncio.sleep(60), 0)


async def test_a_consumer_that_breaks_off_while_it_ends_hangs_up_nevertheless() -> None:
    consumer = AIOKafkaConsumer()
    hung_up = asyncio.Event()

    class Client:
        async def close(self) -> None:
            hung_up.set()

    vars(consumer).update(stop=cancellation, _client=Client(), _closed=True)
    await end_consumer(consumer)
    assert hung_up.is_set()


async def test_what_does_not_end_in_time_is_not_left_running() -> None:
    running, left = asyncio.Event(), asyncio.Event()

    async def hanging() -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            left.set()

    assert not await let_end(hanging(), 0.01)
    async with asyncio.timeout(10):
        await left.wait()
    assert running.is_set()


def test_a_consumer_that_hangs_as_it_ends_and_as_it_hangs_up_is_left_after_seconds() -> None:
    async def story() -> float:
        consumer = AIOKafkaConsumer()

        class Client:
            async def close(self) -> None:
                await asyncio.sleep(60)

        vars(consumer).update(stop=Client().close, _client=Client(), _closed=True)
        await end_consumer(consumer)
        return asyncio.get_running_loop().time()

    assert run_virtually(story()) == 3
