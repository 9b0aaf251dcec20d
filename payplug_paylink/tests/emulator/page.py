"""The HTML of the payment page, and the check of the form in it.

It knows resources of the API, but neither server nor records. The page needs no script
and loads nothing from elsewhere.
"""

import re
from datetime import datetime, timezone
from html import escape
from typing import NamedTuple

from .page_texts import STYLE, TEXTS

# number → brand, country of the bank (ISO code), failure code ("" when accepted)
TEST_CARDS = {
    "4242424242424242": ("Visa", "US", ""),
    "5017670000001800": ("Mastercard", "FR", ""),
    "4000000000000051": ("Visa", "FR", "card_declined"),
    "4000000000000077": ("Visa", "FR", "insufficient_funds"),
    "4000000000000085": ("Visa", "FR", "processing_error"),
    "5184680000000170": ("Mastercard", "FR", "3ds_declined"),
}


class Attempt(NamedTuple):
    """The card that was typed on the page, and whether it can pay.

    :ivar card: as in the ``card`` of a payment
    :ivar failure: code of the refusal, "" when the card is accepted
    :ivar errors: field → key of a text, for what must be corrected before trying
    """

    card: dict
    failure: str
    errors: dict


def read_attempt(form, now):
    """Return the `Attempt` of a submitted form.

    :param form: typed texts ``number``, ``expiry`` and ``cvv``
    :param int now: Unix seconds
    """
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    brand, country, failure = TEST_CARDS.get(number, ("", "", "card_declined"))
    month, year, wrong_expiry = _read_expiry(form.get("expiry", ""), now)
    has_cvv = re.fullmatch("[0-9]{3}", form.get("cvv", "").strip())
    errors = {
        "number": _check_number(number),
        "expiry": wrong_expiry,
        "cvv": "" if has_cvv else "wrong_cvv",
    }
    card = {
        "last4": number[-4:],
        "country": country or None,
        "exp_month": month,
        "exp_year": year,
        "brand": brand or None,
    }
    return Attempt(card, failure, {name: key for name, key in errors.items() if key})


def _check_number(number):
    if not re.fullmatch("[0-9]{13,19}", number):
        return "wrong_number"
    # Every second digit from the right counts twice, and its digits are added up.
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    total = sum(map(int, number[::-2])) + sum(sum(divmod(two, 10)) for two in doubled)
    return "" if number in TEST_CARDS or total % 10 == 0 else "unknown_number"


def _read_expiry(text, now):
    """Return the month, the year and the key of what is wrong with them."""
    found = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*[/ .-]?\s*(20)?([0-9]{2})\s*", text)
    if not found:
        return None, None, "wrong_expiry"
    month, year = int(found[1]), 2000 + int(found[3])
    today = datetime.fromtimestamp(now, timezone.utc)
    past = (year, month) < (today.year, today.month)
    return month, year, "past_expiry" if past else ""


def choose_language(payment, accepted):
    """Return "fr" or "en": the payer's own language, else the browser's.

    :param dict payment: the resource
    :param list accepted: languages of the browser as ``fr`` or ``fr-FR``, best first
    """
    wanted = [payment["billing"]["language"], *accepted]
    short = (language[:2].lower() for language in wanted if language)
    return next((language for language in short if language in TEXTS), "en")


def format_amount(cents, language):
    """Return an amount of euros as one reads it: ``€1,234.50``, ``1 234,50 €``."""
    euros = f"{cents // 100:,}.{cents % 100:02}"
    if language == "fr":
        narrow, fixed = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
        return euros.replace(",", narrow).replace(".", ",") + fixed + "€"
    return "€" + euros


def show_form(payment, merchant, language, form, attempt=None):
    """Return the page of a payment that may be paid.

    :param dict payment: the resource
    :param str merchant: name of the company
    :param form: what was typed before, to correct it
    :param attempt: the `Attempt` that did not succeed
    """
    texts, errors = TEXTS[language], attempt.errors if attempt else {}
    say = {name: escape(text) for name, text in texts.items()}
    amount = escape(format_amount(payment["amount"], language))
    pieces = [f"<h1>{say['card']}</h1>"]
    if attempt and not errors:
        reason = say.get(attempt.failure, say["other"])
        pieces.append(
            f'<div class="refused" role="alert"><p><strong>{reason}</strong></p>'
            f"<p>{say['try_again']}</p></div>"
        )
    typed = form if errors else {}  # after a refusal, another card is likely
    number = _field(texts, "number", "cc-number", 23, typed, errors)
    expiry = _field(texts, "expiry", "cc-exp", 9, typed, errors)
    cvv = _field(texts, "cvv", "cc-csc", 4, {}, errors)
    pieces.append(
        f'<form method="post" novalidate>{number}<div class="pair">{expiry}{cvv}</div>'
        f'<button type="submit">{say["pay"].format(amount=amount)}</button></form>'
    )
    cancel_url = payment["hosted_payment"]["cancel_url"]
    if cancel_url:
        pieces.append(
            f'<p class="cancel"><a href="{escape(cancel_url)}">{say["cancel"]}</a></p>'
        )
    pieces.append(_show_test_cards(texts))
    return _show_page(payment, merchant, language, texts["card"], "".join(pieces))


def show_closed(payment, merchant, language):
    """Return the page of a payment that was paid, aborted or has timed out."""
    texts = TEXTS[language]
    state = "accepted" if payment["is_paid"] else payment["failure"]["code"]
    tick = '<p class="tick" aria-hidden="true">✓</p>' if payment["is_paid"] else ""
    pieces = [
        f"{tick}<h1>{escape(texts[state])}</h1>"
        f"<p>{escape(texts[state + '_text'].format(merchant=merchant))}</p>"
    ]
    return_url = payment["hosted_payment"]["return_url"]
    if return_url:
        back = escape(texts["back"].format(merchant=merchant))
        pieces.append(f'<a class="button" href="{escape(return_url)}">{back}</a>')
    return _show_page(payment, merchant, language, texts[state], "".join(pieces))


def show_missing(language):
    """Return the page for an address that belongs to no payment."""
    texts = TEXTS[language]
    text = f"<h1>{escape(texts['missing'])}</h1><p>{escape(texts['missing_text'])}</p>"
    content = f'<main class="single"><section class="pay">{text}</section></main>'
    return _show_document(language, texts["missing"], content)


def _field(texts, name, autocomplete, longest, typed, errors):
    wrong, hint = errors.get(name), texts.get(f"{name}_hint")
    note = ""
    if wrong:
        note = f'<p class="wrong" id="{name}-note">{escape(texts[wrong])}</p>'
    elif hint:
        note = f'<p class="hint" id="{name}-note">{escape(hint)}</p>'
    attributes = f' aria-describedby="{name}-note"' if note else ""
    if wrong:
        attributes += ' aria-invalid="true"'
    if name == next(iter(errors), "number"):
        attributes += " autofocus"
    value = escape(typed.get(name, ""))
    return (
        f'<div class="field"><label for="{name}">{escape(texts[name])}</label>'
        f'<input id="{name}" name="{name}" value="{value}" inputmode="numeric"'
        f' autocomplete="{autocomplete}" maxlength="{longest}" required{attributes}>'
        f"{note}</div>"
    )


def _show_test_cards(texts):
    rows = "".join(
        f"<tr><td>{' '.join(re.findall('....', number))}</td>"
        f"<td>{escape(texts[failure])}</td></tr>"
        for number, (_brand, _country, failure) in TEST_CARDS.items()
    )
    title = escape(texts["test_cards"])
    return f"<details><summary>{title}</summary><table>{rows}</table></details>"


def _show_page(payment, merchant, language, title, content):
    texts = TEXTS[language]
    banner = f'<p class="test">{escape(texts["test"])}</p>'
    order = (
        f"<p>{escape(texts['to'])}</p>"
        f'<p class="merchant">{escape(merchant)}</p>'
        f'<p class="amount">{escape(format_amount(payment["amount"], language))}</p>'
        f"<p>{escape(payment['description'] or '')}</p>"
    )
    return _show_document(
        language,
        f"{title} - {merchant}",
        f"{'' if payment['is_live'] else banner}"
        f'<main><section class="order">{order}</section>'
        f'<section class="pay">{content}</section></main>',
    )


def _show_document(language, title, content):
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{content}<footer>"
        f"<p>Payplug (emulator). {escape(TEXTS[language]['footer'])}</p>"
        "</footer></body></html>"
    )
