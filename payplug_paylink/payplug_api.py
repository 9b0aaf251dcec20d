"""Payplug's HTTP API, in the words of this addon.

The one file that knows HTTP and the ``payplug`` library. It knows no record, no
environment and no translation: keys and cents go in, a `RemotePayment` or one of two
errors comes out, named after what to do next.

Source of every rule: Payplug's public plugins and API reference, version 2019-08-06.
"""

import functools
import http.client
import io
import json
import logging
import math
import re
import time
from urllib.parse import quote, urlsplit

import certifi
import requests
from payplug import exceptions, network
from urllib3.exceptions import HTTPError, ReadTimeoutError

from .payplug_remote import (
    BY_HAND,
    NO_ANSWER,
    NO_CONNECTION,
    UNREADABLE,
    UNTRUSTED_PAGE,
    PayplugRecorded,
    PayplugRejected,
    PayplugUnavailable,
    RemoteAccount,
    RemoteKeys,
    RemotePayment,
    RemoteRefund,
    SecretKey,
    cleaned,
    rejection,
)

_logger = logging.getLogger(__name__)

API_URL = "https://api.payplug.com"
API_VERSION = "2019-08-06"  # without it, Payplug answers in its legacy format
LINK_DAYS = 7  # an estimate: no field tells it, failure code "timeout" decides
PAGE_SIZE = 100  # payments in one page of the list
MOST_PAGES = 50  # of refunds: the smallest is 10 cents, and nobody makes 5 000
LARGEST_BODY = 8 * 1024 * 1024  # bytes; a page of payments has some 200 000

# After a host: the characters of an address, of which browsers have one reading only.
PATH = r"(?:[/?#][A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*)?"
LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
CARD_PAGE = re.compile(rf"https://(?:{LABEL}\.)+payplug\.com{PATH}")

# No UTF-8, or no JSON, or JSON nested without end.
NO_JSON = (exceptions.UnexpectedAPIResponseException, ValueError, RecursionError)
TIMEOUTS = (requests.exceptions.Timeout, ReadTimeoutError)

CALL_SECONDS = 9.0  # a call at most: half to connect, half to be answered


class _TimedReader(io.RawIOBase):
    """Reads a connection until a moment; timeouts of sockets are for each piece."""

    def __init__(self, connection):
        self._connection = connection
        self._raw = connection.makefile("rb", buffering=0)
        self._until = time.monotonic() + connection.gettimeout()

    def readable(self):
        return True

    def readinto(self, buffer):
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        return super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that must be there in time, as a whole.

    Status, headers, interim answers ("100 Continue") and body are read through `fp`.
    """

    def __init__(self, connection, *args, **options):
        super().__init__(connection, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(connection))


@functools.cache
def _timed(connection_class):
    """Return a class of connections whose answers are read so."""
    return type("Timed", (connection_class,), {"response_class": _TimedResponse})


class _TimedAdapter(requests.adapters.HTTPAdapter):
    def get_connection_with_tls_context(self, *args, **options):
        return self._bound(super().get_connection_with_tls_context(*args, **options))

    def get_connection(self, *args, **options):  # its name before requests 2.32
        return self._bound(super().get_connection(*args, **options))

    def _bound(self, pool):
        pool.ConnectionCls = _timed(type(pool).ConnectionCls)
        return pool


class _Session(requests.Session):
    def __init__(self):
        super().__init__()
        # An own (idle) authentication keeps `requests` from replacing our header by
        # what a ~/.netrc of the server says.
        self.auth = lambda request: request
        # What is compressed all the same is unreadable: it may have no end.
        self.headers["Accept-Encoding"] = "identity"
        for scheme in ("https://", "http://"):
            self.mount(scheme, _TimedAdapter())

    def get_redirect_target(self, _response):
        return None  # or the body of a redirect would be read before ours


class _Transport(network.RequestsRequest):
    """How requests leave: in time, verified, never redirected, over one session.

    The library's own transport has no timeout, trusts a list of authorities of 2015
    and follows redirects with the key in hand.
    """

    def __init__(self, deadline):
        self._deadline = math.inf if deadline is None else deadline
        self._session = _Session()

    def __call__(self):
        return self  # the library instantiates its handler for each request

    def do_request(self, http_verb, url, headers, data=None):
        started = time.monotonic()
        timeout = self._timeout(started)
        status = "no answer"
        try:
            response = self._session.request(
                http_verb,
                url,
                headers=headers,
                data=None if data is None else json.dumps(data),
                timeout=timeout,
                verify=certifi.where(),
                allow_redirects=False,
                stream=True,
            )
            content = response.raw.read(LARGEST_BODY, decode_content=False)
            status = response.status_code
        except TIMEOUTS as error:
            self._raise_unrecoverable_error_payplug(error)
        except (requests.exceptions.RequestException, HTTPError) as error:
            self._raise_unrecoverable_error_client(error)
        finally:
            took = (time.monotonic() - started) * 1000
            told = (http_verb, urlsplit(url).path, status, took)
            _logger.info("Payplug: %s %s: %s after %d ms", *told)
        if len(content) == LARGEST_BODY:  # and there is more: its connection ends here
            response.close()
            raise PayplugUnavailable(UNREADABLE)
        return content or b"{}", response.status_code, response.headers

    def _timeout(self, now):
        """Return the seconds to wait for a connection, and again for an answer."""
        left = self._deadline - now
        if left < 0.5:  # not enough for a round trip: do not start what may be lost
            raise PayplugUnavailable(NO_ANSWER)
        return min(CALL_SECONDS, left) / 2


class PayplugClient:
    """Speak with Payplug for one account, in one mode.

    Every method raises `PayplugUnavailable` or `PayplugRejected`.

    :param auth: an object whose ``token()`` is the bearer token, as `SecretKey`
    :param str api_url: where the API is; other than Payplug's own for an emulator
    :param float deadline: the moment of `time.monotonic` by which all calls together
        must have ended; None where nobody is waiting
    """

    def __init__(self, auth, api_url=API_URL, deadline=None):
        self._auth = auth
        self._api_url = api_url.rstrip("/")
        self._transport = _Transport(deadline)

    def renewed(self, seconds):
        """Return a client for the same account whose calls end within these seconds."""
        deadline = time.monotonic() + seconds
        return PayplugClient(self._auth, self._api_url, deadline)

    # === PAYMENTS === #

    def create_payment(self, payload):
        """Create a payment, and return it as a `RemotePayment`.

        :raise PayplugUnavailable: also when its page is not one of Payplug's
        """
        remote = self._payment("POST", "/v1/payments", payload)
        if not remote.url:
            raise PayplugUnavailable(UNTRUSTED_PAGE)
        return remote

    def get_payment(self, payment_id):
        """Return what Payplug knows of a payment, as a `RemotePayment`."""
        return self._payment("GET", self._path(payment_id))

    def list_payments(self, page=0):
        """Return a page, from 0, of the account's payments, and whether there are more.

        Newest first, without payments of other kinds or shapes than ours.
        """
        body = self._call("GET", f"/v1/payments?per_page={PAGE_SIZE}&page={page}")
        if not isinstance(body.get("data"), list):
            raise PayplugUnavailable(UNREADABLE)
        remotes = []
        for item in body["data"]:
            try:
                remotes.append(RemotePayment.from_json(item, self._trusts))
            except PayplugUnavailable:
                _logger.info("Payplug: a payment of the list cannot be read")
        return remotes, bool(body.get("has_more"))

    def abort_payment(self, payment_id):
        """Make a payment unpayable, and return how it stands afterwards.

        Payplug refuses to abort what is paid or was aborted before, with a status that
        is not documented: so after a refusal we look. Only the returned state tells.
        """
        try:
            return self._payment("PATCH", self._path(payment_id), {"aborted": True})
        except PayplugRejected:
            return self.get_payment(payment_id)

    def _payment(self, verb, path, data=None):
        return RemotePayment.from_json(self._call(verb, path, data), self._trusts)

    @staticmethod
    def _path(payment_id):
        return "/v1/payments/" + quote(payment_id, safe="")

    # === REFUNDS === #

    def create_refund(self, payment_id, cents, metadata):
        """Give money back, which nothing undoes; return the `RemoteRefund`.

        Payplug knows no key of idempotency: read `list_refunds` before another try.

        :param dict metadata: by which the refund is known again in that list
        :raise PayplugRecorded: if Payplug will carry it out by hand
        :raise PayplugUnavailable: if nobody knows whether the money went
        """
        data = {"amount": cents, "metadata": metadata}
        try:
            body = self._call("POST", self._path(payment_id) + "/refunds", data)
        except PayplugRejected as error:
            if error.status >= 300:
                raise
            if not BY_HAND.search(error.details):  # other words for the same, maybe
                raise PayplugUnavailable(UNREADABLE) from error
            told = (error.reason, error.status, error.details)
            raise PayplugRecorded(*told) from None
        return RemoteRefund.from_json(body)

    def list_refunds(self, payment_id):
        """Return all refunds of a payment, as `RemoteRefund`, newest first.

        :raise PayplugUnavailable: also if one of them cannot be read
        """
        path, refunds = self._path(payment_id) + "/refunds", {}
        for page in range(MOST_PAGES):
            body = self._call("GET", f"{path}?per_page={PAGE_SIZE}&page={page}")
            if not isinstance(body.get("data"), list):
                raise PayplugUnavailable(UNREADABLE)
            shown = [RemoteRefund.from_json(item) for item in body["data"]]
            is_new = any(one.id not in refunds for one in shown)
            refunds.update((one.id, one) for one in shown)
            if not (body.get("has_more") and is_new):
                break
        return list(refunds.values())

    # === ACCOUNT === #

    def get_account(self):
        """Return the `RemoteAccount` behind the key."""
        return RemoteAccount.from_json(self._call("GET", "/v1/account"))

    @classmethod
    def fetch_keys(cls, email, password, api_url=API_URL, deadline=None):
        """Exchange the credentials of Payplug's portal for the account's secret keys.

        The caller must not store the password (Payplug's terms).

        :raise PayplugRejected: if the credentials are wrong
        """
        client = cls(SecretKey("none"), api_url, deadline)
        credentials = {"email": email, "password": password}
        body = client._call("POST", "/v1/keys", credentials, authenticated=False)
        return RemoteKeys.from_json(body)

    # === THE CALL === #

    def _call(self, verb, path, data=None, authenticated=True):
        # Built for each call: tokens of other ways to authenticate expire.
        http = network.HttpClient(
            token=self._auth.token(),
            request_handler=self._transport,
            api_version=API_VERSION,
        )
        try:
            body, status = http._request(
                verb, self._api_url + path, data, authenticated=authenticated
            )
        except exceptions.ClientError as error:
            # Without its text, which may hold addresses.
            is_late = isinstance(error.client_exception, TIMEOUTS)
            raise PayplugUnavailable(NO_ANSWER if is_late else NO_CONNECTION) from None
        except NO_JSON:
            raise PayplugUnavailable(UNREADABLE) from None
        except exceptions.HttpError as error:
            raise _error_from(error) from None
        body = cleaned(body)
        if not isinstance(body, dict):
            raise PayplugUnavailable(UNREADABLE)
        if body.get("object") == "error":  # some refusals come with a 2xx status
            raise rejection(status, body)
        return body

    def _trusts(self, url):
        """Tell whether an address is a payment page that we would give a customer.

        Matched whole and not taken apart: a browser and Python disagree on what the
        host of some addresses is.
        """
        if CARD_PAGE.fullmatch(url):
            return True
        if self._api_url == API_URL:
            return False
        host = re.escape(urlsplit(self._api_url).hostname or "")
        return bool(re.fullmatch(rf"https?://{host}(:[0-9]{{1,5}})?{PATH}", url))


def _error_from(error):
    """Sort an HTTP error into "later" and "never"."""
    status = error.http_response_code
    if status in (408, 425, 429) or status >= 500 or status < 400:
        return PayplugUnavailable(f"HTTP {status}", status)
    try:
        body = cleaned(error.error_object)
    except NO_JSON:
        body = None
    return rejection(status, body)
