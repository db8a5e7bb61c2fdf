"""Card numbers that the networks and their processors publish for tests, and ways to write them."""

from typing import Final

PUBLISHED: Final = (
    # Visa
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "4000056655665556",
    "4222222222222",
    "4000000000000000006",
    # Mastercard
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "2223003122003222",
    "2720990000000007",
    # American Express
    "378282246310005",
    "371449635398431",
    "341111111111111",
    # Discover
    "6011111111111117",
    "6011000990139424",
    "6445644564456445",
    "6500000000000002",
    # JCB
    "3530111333300000",
    "3566002020360505",
    # Diners Club
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3056930009020004",
    # UnionPay
    "6200000000000005",
    "6205500000000000004",
    "8171999900000000021",
    # Maestro
    "6759649826438453",
    "6799990100000000019",
    "50339619890917",
    "586824160825533338",
    "5641821111166669",
    # Mir, Troy, Elo, Bancontact
    "2201382000000013",
    "9792030394440796",
    "6362970000457013",
    "67034200554565015",
)


def in_groups(number: str, separator: str) -> str:
    """As printed on the card: 4-6-5, 4-6-4, or fours."""
    if len(number) in (14, 15):
        return separator.join((number[:4], number[4:10], number[10:]))
    return separator.join(number[i : i + 4] for i in range(0, len(number), 4))


def spellings(number: str) -> dict[str, str]:
    """By name, in text that is not escaped any further."""
    return {
        "plain": number,
        "spaces": in_groups(number, " "),
        "dashes": in_groups(number, "-"),
        "dots": in_groups(number, "."),
        "each digit apart": " ".join(number),
        "no-break spaces": in_groups(number, "\u00a0"),
        "thin spaces": in_groups(number, "\u2009"),
        "true hyphens": in_groups(number, "\u2010"),
        "zero width": "\u200b".join(number),
        "soft hyphens": in_groups(number, "\u00ad"),
        "full width": _moved(number, 0xFF10),
        "Arabic-Indic": _moved(number, 0x0660),
        "Persian": _moved(number, 0x06F0),
        "Devanagari": _moved(number, 0x0966),
        "mathematical": _moved(number, 0x1D7CE),
        "in a sentence": f"please send {number} to the branch.",
        "with its expiry date": f"{in_groups(number, ' ')} 12/27",
        "behind a date": f"2026-03-01 {number}",
        "behind a word": f"card{number}",
        "in an address": f"https://pay.example/cards/{number}?x=1",
        "in JSON": f'{{"pan":"{number}"}}',
        "in JSON in JSON": f'{{"a":"{{\\"pan\\":{number}}}"}}',
        "escaped": "".join(f"\\u00{ord(digit):x}" for digit in number),
        "escaped twice": "".join(f"\\\\u00{ord(digit):x}" for digit in number),
        "escaped in halves": "".join(f"\\ud835\\udf{0xCE + int(digit):x}" for digit in number),
        "in percents": "".join(f"%{ord(digit):02x}" for digit in number),
        "in HTML": "".join(f"&#{ord(digit)};" for digit in number),
        "in a form": f"name=x&pan={in_groups(number, '+')}&cvv=123",
        "as a float": f"{number}.0",
        "with an exponent": f"{number[0]}.{number[1:]}e{len(number) - 1}",
    }


def _moved(number: str, zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in number)
