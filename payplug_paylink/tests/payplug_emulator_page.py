"""The payment page: what a payer reads, and what becomes of the typed card.

Neither server nor records: resources of the API and typed texts go in, HTML and an
`Attempt` come out. The page needs no script and loads nothing from elsewhere.
"""

import re
from datetime import datetime, timezone
from html import escape
from typing import NamedTuple

# number → brand, country of the bank (ISO code), failure code ("" when accepted)
TEST_CARDS = {
    "4242424242424242": ("Visa", "US", ""),
    "5017670000001800": ("Mastercard", "FR", ""),
    "4000000000000051": ("Visa", "FR", "card_declined"),
    "4000000000000077": ("Visa", "FR", "insufficient_funds"),
    "4000000000000085": ("Visa", "FR", "processing_error"),
    "5184680000000170": ("Mastercard", "FR", "3ds_declined"),
}

ENGLISH = {
    "accepted": "Payment accepted",
    "accepted_text": "Thank you. {merchant} has been told of your payment.",
    "aborted": "This payment was cancelled",
    "aborted_text": "{merchant} has withdrawn this request. Nothing was charged.",
    "timeout": "This link has expired",
    "timeout_text": "Nothing was charged. Ask {merchant} for a new link.",
    "back": "Back to {merchant}",
    "cancel": "Cancel and go back",
    "card": "Pay by card",
    "cvv": "Security code",
    "cvv_hint": "3 digits on the back of the card",
    "expiry": "Expiry date",
    "expiry_hint": "MM / YY",
    "footer": "Nobody can really pay here: this is an emulator, for tests.",
    "missing": "Page not found",
    "missing_text": "Check the address of your payment link.",
    "number": "Card number",
    "pay": "Pay {amount}",
    "test": "TEST mode: no money moves.",
    "test_cards": "Cards to try",
    "to": "Payment to",
    "try_again": "You have not been charged. You may try again or use another card.",
    "wrong_number": "Enter the number of the card, 13 to 19 digits.",
    "unknown_number": "This card number is incorrect.",
    "wrong_expiry": "Enter the month and the year, as in 09 / 30.",
    "past_expiry": "This card has expired.",
    "wrong_cvv": "Enter the 3 digits of the security code.",
    "": "accepted",
    "card_declined": "Your bank has declined the card.",
    "insufficient_funds": "The card has insufficient funds.",
    "processing_error": "The card could not be processed.",
    "3ds_declined": "Your bank could not authenticate you.",
    "other": "The payment was refused.",
}
FRENCH = {
    "accepted": "Paiement accepté",
    "accepted_text": "Merci. {merchant} est informé de votre paiement.",
    "aborted": "Ce paiement a été annulé",
    "aborted_text": "{merchant} a retiré cette demande. Rien n’a été débité.",
    "timeout": "Ce lien a expiré",
    "timeout_text": "Rien n’a été débité. Demandez un nouveau lien à {merchant}.",
    "back": "Retour vers {merchant}",
    "cancel": "Annuler et revenir",
    "card": "Payer par carte",
    "cvv": "Cryptogramme",
    "cvv_hint": "3 chiffres au dos de la carte",
    "expiry": "Expiration",
    "expiry_hint": "MM / AA",
    "footer": "Personne ne paie vraiment ici : c’est un émulateur, pour les tests.",
    "missing": "Page introuvable",
    "missing_text": "Vérifiez l’adresse de votre lien de paiement.",
    "number": "Numéro de carte",
    "pay": "Payer {amount}",
    "test": "Mode TEST : aucun argent ne circule.",
    "test_cards": "Cartes à essayer",
    "to": "Paiement à",
    "try_again": "Rien n’a été débité. Réessayez ou utilisez une autre carte.",
    "wrong_number": "Saisissez le numéro de la carte, 13 à 19 chiffres.",
    "unknown_number": "Ce numéro de carte est incorrect.",
    "wrong_expiry": "Saisissez le mois et l’année, comme 09 / 30.",
    "past_expiry": "Cette carte a expiré.",
    "wrong_cvv": "Saisissez les 3 chiffres du cryptogramme.",
    "": "acceptée",
    "card_declined": "Votre banque a refusé la carte.",
    "insufficient_funds": "La provision de la carte est insuffisante.",
    "processing_error": "La carte n’a pas pu être traitée.",
    "3ds_declined": "Votre banque n’a pas pu vous authentifier.",
    "other": "Le paiement a été refusé.",
}
TEXTS = {"en": ENGLISH, "fr": FRENCH}

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#eef1f6;color:#1b2333;line-height:1.45;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
.test{margin:0;padding:.6rem 1rem;background:#ffd666;color:#432f00;text-align:center;
 font-weight:600}
main{max-width:27rem;margin:0 auto;background:#fff;overflow:hidden}
.order{padding:1.5rem 1.5rem 1.25rem;background:#17305e;color:#fff;
 overflow-wrap:anywhere}
.order p{margin:0;color:#cdd9f0}
.order .merchant{margin:0;color:#fff;font-size:1.15rem;font-weight:600}
.order .amount{margin:.9rem 0 .5rem;color:#fff;font-size:2.15rem;font-weight:700;
 line-height:1.1;font-variant-numeric:tabular-nums}
.pay{padding:1.5rem}
h1{margin:0 0 1rem;font-size:1.25rem}
label{display:block;margin:0 0 .3rem;font-weight:600}
.field{margin:0 0 1rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}
input{width:100%;min-height:3rem;padding:.6rem .75rem;border:1px solid #78829a;
 border-radius:.4rem;background:#fff;color:inherit;font:inherit;font-size:1.05rem;
 font-variant-numeric:tabular-nums}
input[aria-invalid]{border:2px solid #b3261e}
:focus-visible{outline:3px solid #7ea6f4;outline-offset:1px}
.hint{margin:.25rem 0 0;color:#56617a;font-size:.875rem}
.wrong{margin:.25rem 0 0;color:#b3261e;font-size:.9rem;font-weight:600}
.refused{margin:0 0 1.25rem;padding:.8rem 1rem;border-left:4px solid #b3261e;
 background:#fdeceb;border-radius:.25rem}
.refused p{margin:0}
button,.button{display:block;width:100%;min-height:3.25rem;padding:.8rem 1rem;border:0;
 border-radius:.4rem;background:#1f6b3a;color:#fff;font:inherit;font-size:1.1rem;
 font-weight:700;text-align:center;text-decoration:none;cursor:pointer}
button:hover,.button:hover{background:#185630}
.tick{width:3rem;margin:0 0 .75rem;border-radius:50%;background:#e2f2e7;
 color:#1f6b3a;font-size:1.6rem;font-weight:700;line-height:3rem;text-align:center}
.cancel{margin:.6rem 0 0;text-align:center}
.cancel a{display:inline-block;padding:.6rem;color:#33415f}
details{margin:1rem 0 0;padding:1rem 0 0;border-top:1px solid #dde2ec;color:#3d475e;
 font-size:.9rem}
summary{cursor:pointer;padding:.25rem 0}
table{width:100%;margin:.5rem 0 0;border-collapse:collapse}
td{padding:.3rem 0;vertical-align:top}
td:first-child{padding-right:.8rem;white-space:nowrap;
 font-variant-numeric:tabular-nums}
footer{max-width:48rem;margin:0 auto;padding:1rem 1.5rem 2rem;color:#56617a;
 font-size:.85rem;text-align:center}
footer p{margin:0}
@media (min-width:30rem){main{margin-top:2rem;border-radius:.75rem;
 box-shadow:0 1px 2px #1b23331a,0 8px 28px #1b23331f}}
@media (min-width:52rem){main{margin-top:4rem}
 main:not(.single){display:grid;grid-template-columns:19rem 1fr;max-width:50rem}
 .order{padding:2.25rem 2rem}.pay{padding:2.25rem}}
"""


class Attempt(NamedTuple):
    """What somebody typed to pay.

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
    errors = {
        "number": _judge_number(number),
        "expiry": wrong_expiry,
        "cvv": ""
        if re.fullmatch("[0-9]{3}", form.get("cvv", "").strip())
        else "wrong_cvv",
    }
    card = {
        "last4": number[-4:],
        "country": country or None,
        "exp_month": month,
        "exp_year": year,
        "brand": brand or None,
    }
    return Attempt(card, failure, {name: key for name, key in errors.items() if key})


def _judge_number(number):
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
