"""How Payplug tells its merchants what has happened."""

import functools
import http.client
import json
import threading
import urllib.error
import urllib.request
from copy import deepcopy

from .records import Notification

RETRY_SECONDS = (60, 300, 1800, 7200, 21_600)  # gaps between notification attempts
SENDER_TIMEOUT = 10  # seconds that a merchant has to answer a notification


def locked(method):
    """Run the method alone, after what has expired meanwhile has ended."""

    @functools.wraps(method)
    def run(self, *args, **kwargs):
        with self._lock:
            self._end_what_is_due()
            return method(self, *args, **kwargs)

    return run


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # Payplug counts a redirection as an error


class Notifier:
    """The queue of notifications, and who delivers it.

    Every public method may be called from any thread.

    :param retry_seconds: gaps before each new attempt at a notification
    """

    def __init__(self, retry_seconds=RETRY_SECONDS):
        self.retry_seconds = tuple(retry_seconds)
        self._lock = threading.RLock()
        # Straight to the merchant: a proxy could not reach localhost.
        handlers = urllib.request.ProxyHandler({}), _NoRedirect()
        self._sender = urllib.request.build_opener(*handlers)

    def reset(self):
        """Forget what was told, and how."""
        self.notifications = []
        self.copies, self.reverse, self.hold = 1, False, False

    def _notify(self, payment, resource=None):
        """Queue what the merchant must be told; return the payment's resource."""
        body = payment.as_json()
        if body["notification"]:
            told = deepcopy(resource) if resource else payment.as_json()
            if not resource:
                told["notification"]["response_code"] = None
            self.notifications.append(
                Notification(body["id"], body["notification"]["url"], told, self.now())
            )
        return body

    def set_notifications(self, hold=None, copies=None, reverse=None):
        """Change how notifications leave, until `reset`; None changes nothing.

        :param bool hold: keep them back until they are released, or `deliver` is called
        :param int copies: how often each one is sent
        :param bool reverse: send the latest of those waiting first
        """
        with self._lock:
            self.hold = self.hold if hold is None else hold
            self.copies = self.copies if copies is None else copies
            self.reverse = self.reverse if reverse is None else reverse

    def deliver(self):
        """Send the notifications that are due, and return them as they are then.

        One that got no 2xx answer becomes due again `retry_seconds` later.

        :return: list of `Notification`
        """
        with self._lock:
            self._end_what_is_due()
            now = self.now()
            waiting = [one for one in self.notifications if one.due_at is not None]
            due = [one for one in waiting if one.due_at <= now]
            for notification in due:
                notification.due_at = None  # nobody else takes it
            copies = self.copies
            if self.reverse:
                due.reverse()
        for notification in due:
            for _copy in range(copies):
                self._record(notification, self._send(notification))
        return due

    def _send(self, notification):
        """Return the HTTP status of the merchant's answer, None without one."""
        request = urllib.request.Request(
            notification.url,
            data=json.dumps(notification.body).encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": "Payplug-Emulator",
            },
        )
        try:
            with self._sender.open(request, timeout=SENDER_TIMEOUT) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, ValueError, http.client.HTTPException):
            return None

    @locked
    def _record(self, notification, status):
        attempts = len(notification.statuses)
        notification.statuses.append(status)
        payment = self._payments.get(notification.payment_id)
        if payment:
            payment.body["notification"]["response_code"] = status
        if status is not None and 200 <= status < 300:
            notification.due_at = None
        elif attempts < len(self.retry_seconds):
            notification.due_at = self.now() + self.retry_seconds[attempts]
