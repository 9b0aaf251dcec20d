"""The notifications that Payplug sends to merchants."""

import http.client
import json
import math
import urllib.error
import urllib.request
from copy import deepcopy

from .records import Notification

RETRY_SECONDS = (60, 300, 1800, 7200, 21_600)  # gaps between notification attempts
TOLD = ("id", "object", "payment_id")  # of a refund
SENDER_TIMEOUT = 10  # seconds that a merchant has to answer a notification


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # Payplug counts a redirection as an error


class Notifier:
    """The queue of notifications.

    `deliver` takes the lock of the `Store` itself, and sends without it; callers of the
    other methods hold it.
    """

    def __init__(self, store):
        self._store = store
        # No proxy: it could not reach localhost.
        handlers = urllib.request.ProxyHandler({}), _NoRedirect()
        self._sender = urllib.request.build_opener(*handlers)
        self._kept = []
        self.reset()

    def reset(self):
        """Empty the queue, but for what `keep` kept, and undo `set_notifications`."""
        self._queue = deepcopy(self._kept)  # all since then, oldest first
        self.copies, self.reverse, self.hold = 1, False, False

    def keep(self):
        """Let `reset` return to the queue of this moment."""
        self._kept = deepcopy(self._queue)

    def notify(self, payment, refund=None):
        """Queue a notification, if the payment has an address for it.

        :param dict refund: of which to tell; of the payment itself when missing. Only
            its ids are sent then: merchants must fetch it
        """
        resource = payment.as_json()
        url = (resource["notification"] or {}).get("url")
        if not isinstance(url, str):
            return
        resource["notification"]["response_code"] = None
        # Payplug's notifier writes metadata as a text.
        resource["metadata"] = json.dumps(resource["metadata"])
        told = refund and {name: refund[name] for name in TOLD}
        body, now = told or resource, self._store.now()
        self._queue.append(Notification(payment.body["id"], url, body, now))

    def set_notifications(self, hold=None, copies=None, reverse=None):
        """Change how notifications are sent, until `reset`; None changes nothing.

        :param bool hold: send only when `deliver` is called
        :param int copies: how often each one is sent
        :param bool reverse: send the latest of those waiting first
        """
        self.hold = self.hold if hold is None else hold
        self.copies = self.copies if copies is None else int(copies)
        self.reverse = self.reverse if reverse is None else reverse

    def list_notifications(self):
        """Return a copy of every `Notification`, sent or not, oldest first."""
        return deepcopy(self._queue)

    def deliver(self):
        """Send the notifications that are due, and return them as they are then.

        One that got no 2xx answer becomes due again some of `RETRY_SECONDS` later.

        :return: list of `Notification`
        """
        with self._store.lock:
            now = self._store.now()
            due = [one for one in self._queue if (one.due_at or math.inf) <= now]
            for notification in due:
                notification.due_at = None  # no other thread sends it
            copies = self.copies
            if self.reverse:
                due.reverse()
        for notification in due:
            for _copy in range(copies):
                status = self._send(notification)
                with self._store.lock:
                    self._record(notification, status)
        return due

    def _send(self, notification):
        """Return the HTTP status of the merchant's answer, None without one."""
        headers = {"Content-Type": "application/json", "User-Agent": "Payplug-Emulator"}
        data = json.dumps(notification.body).encode()
        try:
            request = urllib.request.Request(notification.url, data, headers)
            with self._sender.open(request, timeout=SENDER_TIMEOUT) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def _record(self, notification, status):
        attempts = len(notification.statuses)
        notification.statuses.append(status)
        payment = self._store.payments.get(notification.payment_id)
        if payment and payment.body["notification"]:
            payment.body["notification"]["response_code"] = status
        if status is not None and 200 <= status < 300:
            notification.due_at = None
        elif attempts < len(RETRY_SECONDS):
            notification.due_at = self._store.now() + RETRY_SECONDS[attempts]
