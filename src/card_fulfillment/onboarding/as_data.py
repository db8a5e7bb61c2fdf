"""What the commands about profiles find, as plain data for JSON."""

from dataclasses import asdict

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.onboarding.checking import Checked
from card_fulfillment.onboarding.inquiry import Answer, Inquiry
from card_fulfillment.onboarding.proving import Proved
from card_fulfillment.onboarding.story import Chapter
from card_fulfillment.vendors.examples import Difference, as_expected, moment
from card_fulfillment.vendors.mistakes import Mistake
from card_fulfillment.vendors.outcomes import Outcome, Unusable


def _mistake(mistake: Mistake) -> dict[str, object]:
    line, column = mistake.place or (None, None)
    return {
        "file": mistake.file,
        "line": line,
        "column": column,
        "field": mistake.field,
        "message": mistake.message,
    }


def checked(each: Checked) -> dict[str, object]:
    return {
        "path": each.path,
        "vendor": each.profile.vendor if each.profile else None,
        "version": each.profile.version if each.profile else None,
        "mistakes": [_mistake(mistake) for mistake in each.mistakes],
        "warnings": [_mistake(warning) for warning in each.warnings],
    }


def proved(each: Proved) -> dict[str, object]:
    return {
        "vendor": each.profile.vendor,
        "version": each.profile.version,
        "holds": each.holds,
        "examples": [
            {"name": t.example.name, "differences": [_difference(d) for d in t.differences]}
            for t in each.trials
        ],
        "in_no_example": [{"field": field, "code": entry} for field, entry in each.unshown],
        "absent_in_all_examples": [{"field": field, "path": path} for field, path in each.absent],
    }


def _difference(difference: Difference) -> dict[str, object]:
    return difference._asdict()


def explained(inquiry: Inquiry, answer: Answer) -> dict[str, object]:
    kept = answer.kept_from_mapping
    return {
        "vendor": inquiry.profile.vendor,
        "version": inquiry.profile.version,
        "received_at": moment(inquiry.received_at),
        "kept_from_mapping": None if kept is None else asdict(kept),
        "outcomes": [_outcome(outcome) for outcome in answer.outcomes],
        "rules": [_as_json(chapter) for chapter in answer.chapters],
        "unread": answer.unread,
    }


def _as_json(chapter: Chapter) -> dict[str, object]:
    return {
        "rule": chapter.field,
        "met": [
            {
                "path": met.path,
                "steps": [asdict(step) for step in met.steps],
                "facts": [
                    {
                        "fact": fact.field,
                        "applies": fact.applies,
                        "steps": [asdict(step) for step in fact.steps],
                        "outcome": _outcome(fact.outcome),
                    }
                    for fact in met.facts
                ],
                "outcome": _outcome(met.outcome),
            }
            for met in chapter.met
        ],
    }


def _outcome(outcome: Outcome | None) -> dict[str, object] | None:
    match outcome:
        case None:
            return None
        case Fact():
            return {"identity": outcome.fact_id.hex(), **as_expected(outcome)}
        case FileLine():
            return as_expected(outcome)
        case Ignored():
            return {**as_expected(outcome), "why": outcome.why}
        case Unusable():
            return {**as_expected(outcome), "why": outcome.message}
