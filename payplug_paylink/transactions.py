"""What to do when something goes wrong inside a transaction of the database."""

import psycopg2

from odoo.exceptions import ConcurrencyError

# A conflict between transactions: whoever began them begins again.
CONFLICTS = (psycopg2.OperationalError, ConcurrencyError)


def attempt(env, act, alone=False):
    """Do something whose failure undoes nothing else.

    The one place where any exception is caught: an addon may refuse to book a payment
    or to send an invoice in any way, and the others go on (design 5).

    :param act: a function without arguments
    :param bool alone: whether it is all that this transaction does: then no savepoint
        is needed, which an addon that commits would break, and a failure rolls all back
    :return: what kept it from being done, None if nothing did
    :raise ConcurrencyError or psycopg2.OperationalError: a conflict with another
        transaction, or an addon that commits, after which all of this one must begin
        again
    """
    try:
        if alone:
            act()
            env.flush_all()
        else:
            with env.cr.savepoint():
                act()
    except CONFLICTS:
        raise
    except psycopg2.errors.InvalidSavepointSpecification as error:
        raise ConcurrencyError("an addon has committed in the middle") from error
    except Exception as error:
        if alone:
            env.cr.rollback()
        return error
    return None
