"""The one runner of this addon's scheduled actions."""

import contextlib
import functools
import logging
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, RedirectWarning, UserError
from odoo.tools import SQL

from .. import payment_messages as messages
from ..payplug_remote import PayplugUnavailable

_logger = logging.getLogger(__name__)

# The connection to the database is gone.
LOST = (psycopg2.InterfaceError, psycopg2.errors.AdminShutdown)
# A conflict between transactions, or no connection: whoever began them begins again.
CONFLICTS = (psycopg2.OperationalError, ConcurrencyError, *LOST)
# What is written for people, whom it may name (see `confidential`): not for the log.
SENTENCES = (UserError, RedirectWarning)
MAX_FAILURES = 3  # unanswered calls in a row, after which the rest waits
RETRY_UNAVAILABLE = timedelta(minutes=5)  # Payplug was silent, or a record was busy
RETRY_REFUSED = timedelta(minutes=50)  # a little less than the hour of the crons
ORDER = "retry_at NULLS FIRST, id"  # what has failed comes after what was not tried


class ProcessFailed(Exception):
    """Something, its `cause`, kept one record from being processed."""

    def __init__(self, cause):
        super().__init__(type(cause).__name__)
        self.cause = cause


def scheduled(method):
    """Decorate what a scheduled action calls: it is the superuser's.

    What a user may not read would pass for unknown, and be ended at Payplug. Odoo lets
    every user start the code of any action; this one is for administrators.
    """

    @functools.wraps(method)
    def run(self):
        if not self.env.is_system():
            raise AccessError(self.env._(messages.FOR_ADMINISTRATORS))
        return method(self.with_user(SUPERUSER_ID).with_context(allowed_company_ids=[]))

    return run


@contextlib.contextmanager
def isolated():
    """Turn any failure into a `ProcessFailed`; what undoes it is around this.

    The one place where any exception is caught: an addon may refuse to book a payment,
    or to send an invoice, in any way, and the other records go on.

    :raise ConcurrencyError or psycopg2.Error: one of `CONFLICTS`, or an addon that
        committed in a savepoint: all must begin again
    """
    try:
        yield
    except CONFLICTS:
        raise
    except psycopg2.errors.InvalidSavepointSpecification as error:
        raise ConcurrencyError("an addon has committed in the middle") from error
    except Exception as error:
        if _is_lost_connection(error):
            raise psycopg2.InterfaceError("the connection is lost") from error
        raise ProcessFailed(error) from error


def log_failure(logger, what, error):
    """Log a failure by its name, and with its trace unless that quotes a sentence."""
    trace = None if isinstance(error, SENTENCES) else error
    logger.error("%s: %s", what, type(error).__name__, exc_info=trace)


def _is_lost_connection(error):
    """Tell whether an exception says that the connection is gone, however wrapped."""
    for _level in range(20):  # there are circles
        if error is None or isinstance(error, LOST):
            break
        error = error.__cause__ or error.__context__
    return isinstance(error, LOST)


class PayplugProcessMixin(models.AbstractModel):
    """Records that a scheduled action processes one by one.

    Each in a transaction of its own, whose first statement claims it. Subclasses say
    how to claim a record, and what a success and a failure leave behind.
    """

    _name = "payplug.process.mixin"
    _description = "Records processed one by one"

    retry_at = fields.Datetime(
        string="Next attempt on",
        readonly=True,
        help="After a failure, Odoo does not try again before.",
    )

    # === FOR SUBCLASSES === #

    def _claim_key(self):
        """Return what `_claim` needs, read before the transaction that it begins."""
        return self.id

    def _claim(self, key):
        """Lock this record, as the first statement of its transaction.

        :param key: what `_claim_key` returned before
        :return: whether it is there, and this process holds it
        :raise ConcurrencyError: if another transaction holds it; it is tried later
        """
        return bool(self._try_lock())

    def _try_lock(self):
        """Lock these rows and return those that nobody else holds.

        As Odoo's `try_lock_for_update`; somebody's commit meanwhile, which is told by
        `CONFLICTS`, is no error in the log.
        """
        query = SQL(
            "SELECT id FROM %s WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED",
            SQL.identifier(self._table),
            list(self.ids),
        )
        self.env.cr.execute(query, log_exceptions=False)
        return self.browse(number for (number,) in self.env.cr.fetchall())

    def _is_to_process(self):
        """Tell, once it is locked, whether this record is still to be processed."""
        return True

    def _process_succeeded(self):
        """Store that this record was processed."""
        self.retry_at = False

    def _process_failed(self, error):
        """Store that these records were not processed; all else was rolled back."""
        is_silent = isinstance(error, PayplugUnavailable)
        delay = RETRY_UNAVAILABLE if is_silent else RETRY_REFUSED
        self.write({"retry_at": fields.Datetime.now() + delay})

    @api.model
    def _trigger_process(self, at=None):
        """Let the scheduled actions of this model run after the commit, or `at` a time.

        An administrator may have deleted them, or copied them.
        """
        crons_sudo = self.env["ir.cron"].sudo()  # triggered by anyone
        found_sudo = crons_sudo.search([("model_id.model", "=", self._name)])
        if at:
            planned = [("call_at", "=", at), ("cron_id", "in", found_sudo.ids)]
            triggers_sudo = self.env["ir.cron.trigger"].sudo()
            found_sudo -= triggers_sudo.search(planned).cron_id
        for cron_sudo in found_sudo:
            cron_sudo._trigger(at)

    @api.model
    def _plan_next_run(self):
        """Let the scheduled actions come when what was put off may be tried."""
        later = [("retry_at", ">", fields.Datetime.now())]
        first = self.search(later, order="retry_at", limit=1)
        if first:
            self._trigger_process(first.retry_at)

    # === THE RUNNER === #

    def _process_each(self, process):
        """Process each record in a transaction of its own, while there is time.

        A failure concerns its record alone. When Payplug was silent several times in a
        row, the records that are left stay as they are. They come first next time, as
        `ORDER` has it: some bad answers do not stand in the way of all others for ever.

        :param process: a function of one record
        :return: whether there is time for more
        """
        failures = 0
        keys = {record: record._claim_key() for record in self}
        left = self
        self.env["ir.cron"]._commit_progress()
        for record, key in keys.items():
            left -= record
            error = record._process_one(process, key)
            if not self.env["ir.cron"]._commit_progress():
                return False
            failures = failures + 1 if isinstance(error, PayplugUnavailable) else 0
            if failures == MAX_FAILURES:
                return bool(self.env["ir.cron"]._commit_progress(len(left)))
        return True

    def _process_one(self, process, key):
        """Claim and process this record; return what exception prevented it, if any."""
        for is_last_try in (False, True):
            try:
                with isolated():
                    is_mine = self._claim(key) and self._is_to_process()
                    if is_mine:
                        process(self)
                        self._process_succeeded()
                        self.env.flush_all()
            except CONFLICTS as conflict:
                self.env.cr.rollback()
                if is_last_try:
                    self._put_off(conflict)
            except ProcessFailed as failure:
                self.env.cr.rollback()
                self._store_failure(failure.cause, key)
                self.env["ir.cron"]._commit_progress(1)
                return failure.cause
            else:
                self.env["ir.cron"]._commit_progress(int(is_mine))
                return None
        return None

    def _store_failure(self, error, key):
        self._store(lambda: self._claim(key) and self._process_failed(error))

    def _store(self, write):
        """Store how these records ended; if that fails, too, they come again later."""
        try:
            with isolated():
                write()
                self.env.flush_all()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            self._put_off(conflict)
        except ProcessFailed as failure:
            self.env.cr.rollback()
            log_failure(_logger, f"{self} was left aside", failure.cause)
            self._put_off(failure.cause)

    def _put_off(self, conflict):
        """Leave records alone for a while that other transactions hold."""
        _logger.info("%s is tried later: %s", self, type(conflict).__name__)
        # Writing on the record would be a conflict with the transaction that holds it.
        self._trigger_process(fields.Datetime.now() + RETRY_UNAVAILABLE)

    def _postpone(self, error):
        """Put off what was not tried; tell if there is time for others."""
        self._store(lambda: self.exists().try_lock_for_update()._process_failed(error))
        return bool(self.env["ir.cron"]._commit_progress(len(self)))
