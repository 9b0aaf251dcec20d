"""The checks of requests, and the refusals of Payplug.

Amounts are integer cents, countries ISO 3166-1 alpha-2 codes. What is not documented
publicly is decided leniently, or as Payplug's official plugins expect it.
"""

import re
from urllib.parse import urlsplit

COUNTRIES = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM
    BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI
    GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD
    ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO
    NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN
    TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)


class Refusal(Exception):
    """The answer to a request that Payplug does not carry out.

    :param int status: of the HTTP answer
    :param str message: what is wrong, in English
    :param details: the same per field, as a (nested) dict, or a string
    """

    def __init__(self, status, message, details=None):
        super().__init__(f"{status} {message} {details or ''}".strip())
        self.status = status
        self.body = {"object": "error", "message": message}
        if details:
            self.body["details"] = details


# A check takes a value and returns what is wrong with it, or nothing.


def _text(longest, shape=None, wrong="This field has a wrong format."):
    def check(value):
        if not isinstance(value, str):
            return "This field must be a string."
        if len(value) > longest:
            return f"This field must not exceed {longest} characters."
        return wrong if shape and not re.fullmatch(shape, value) else None

    return check


def _one_of(*values):
    def check(value):
        known = isinstance(value, str) and value in values
        return None if known else f"This field must be one of {', '.join(values)}."

    return check


def _flag(value):
    return None if isinstance(value, bool) else "This field must be a boolean."


def _country(value):
    known = isinstance(value, str) and value in COUNTRIES
    return None if known else "This field must be an ISO 3166-1 alpha-2 country."


def check_cents(value):
    """Return what is wrong with an amount of cents, or None."""
    # A bool is an int for Python, not for money.
    return None if type(value) is int else "This field must be an integer, in cents."


def _web_address(value):
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        fine = parts and parts.scheme in ("http", "https") and parts.hostname
        fine = fine and not re.search(r"\s", value)
    except ValueError:
        fine = False
    return None if fine else "This field must be a valid URL."


def check_metadata(value):
    """Return what is wrong with the metadata of a payment or refund, or None."""
    if not isinstance(value, dict):
        return "This field must be an object."
    if len(value) > 10:
        return "This field must not have more than 10 keys."
    if any(not 0 < len(key) <= 20 for key in value):
        return "The keys must have 1 to 20 characters."
    if any(isinstance(item, (dict, list)) for item in value.values()):
        return "The values must not be objects or lists."
    if any(len(str(item)) > 500 for item in value.values()):
        return "The values must not exceed 500 characters."
    return None


def _block(checks, required=()):
    """Return a check of an object, whose answer names each wrong field."""

    def check(value):
        if not isinstance(value, dict):
            return "This field must be an object."
        return check_fields(value, checks, required)

    return check


def check_fields(body, checks, required=()):
    """Return what is wrong with each wrong field.

    :param dict body: the object whose fields are checked
    :param dict checks: the check of each known field; others are not looked at
    :param required: names of fields that must not be missing or empty
    :rtype: dict
    """
    missing = [name for name in required if body.get(name) in (None, "")]
    errors = dict.fromkeys(missing, "This field is required.")
    for name, check in checks.items():
        value = body.get(name)
        if value is not None and name not in errors and (wrong := check(value)):
            errors[name] = wrong
    return errors


_PHONE = _text(16, r"\+[1-9][0-9]{6,14}", "This field must be an E.164 phone number.")
ADDRESS = {
    "title": _one_of("mr", "mrs", "miss"),
    "first_name": _text(100),
    "last_name": _text(100),
    "email": _text(255, r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", "This e-mail is not valid."),
    "mobile_phone_number": _PHONE,
    "landline_phone_number": _PHONE,
    "address1": _text(255),
    "address2": _text(255),
    "company_name": _text(100),
    "postcode": _text(16),
    "city": _text(100),
    "state": _text(100),
    "country": _country,
    "language": _text(2, "[a-z]{2}", "This field must be an ISO 639-1 language."),
}
DELIVERY_TYPES = (
    "BILLING VERIFIED NEW SHIP_TO_STORE DIGITAL_GOODS TRAVEL_OR_EVENT OTHER".split()
)
DELIVERY = {"delivery_type": _one_of(*DELIVERY_TYPES)}
REQUIRED = "first_name last_name email address1 postcode city country".split()
HOSTED_PAYMENT = {
    "return_url": _web_address,
    "cancel_url": _web_address,
    "sent_by": _one_of("EMAIL", "SMS", "OTHER"),
}
CREATION = {
    "amount": check_cents,
    "currency": _one_of("EUR"),
    "hosted_payment": _block(HOSTED_PAYMENT),
    "notification_url": _web_address,
    "description": _text(100),  # the longest that is known to have been accepted
    "metadata": check_metadata,
    "save_card": _flag,
    "allow_save_card": _flag,
    "force_3ds": _flag,
    "initiator": _one_of("PAYER", "MERCHANT"),
}
PERSONS = {
    "billing": _block(ADDRESS, REQUIRED),
    "shipping": _block({**ADDRESS, **DELIVERY}, (*REQUIRED, "delivery_type")),
}
LEGACY_PERSONS = {"customer": _block(ADDRESS)}
LOCKED_FEATURES = ("authorized_amount", "auto_capture", "payment_method")


def check_creation(body, account, is_legacy):
    """Check the body of a payment's creation.

    :param bool is_legacy: asked without an API version: ``customer`` is then read
        instead of ``billing`` and ``shipping``
    :raise Refusal: naming every wrong field
    """
    if any(body.get(name) for name in LOCKED_FEATURES):
        details = "Access to this feature is not available."
        raise Refusal(403, "Forbidden.", details)
    persons = LEGACY_PERSONS if is_legacy else PERSONS
    errors = check_fields(body, {**CREATION, **persons}, ("amount", "currency"))
    if "amount" not in errors:
        if body["amount"] < account.min_cents:
            errors["amount"] = f"The minimum amount is {account.min_cents} cents."
        elif body["amount"] > account.max_cents:
            errors["amount"] = f"The maximum amount is {account.max_cents} cents."
    if "hosted_payment" not in errors:
        errors.update(_check_recipient(body, "customer" if is_legacy else "billing"))
    if errors:
        raise Refusal(400, "Bad request.", errors)


def _check_recipient(body, person):
    """If Payplug itself is to send the link, it needs the address."""
    sent_by = (body.get("hosted_payment") or {}).get("sent_by")
    needed = {"EMAIL": "email", "SMS": "mobile_phone_number"}.get(sent_by)
    reader = body.get(person) or {}
    if not needed or not isinstance(reader, dict) or reader.get(needed):
        return {}
    return {person: {needed: f"This field is required to send by {sent_by}."}}
