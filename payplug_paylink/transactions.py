"""What to do when something goes wrong inside a transaction of the database."""

import psycopg2

from odoo.exceptions import ConcurrencyError

# A conflict between transactions: whoever began them begins again.
CONFLICTS = (psycopg2.OperationalError, ConcurrencyError)


def attempt(env, act):
    """Do something in a savepoint, so that its failure undoes nothing else.

    The one place where any exception is caught: an addon may refuse to book a payment
    or to send an invoice in any way, and the others go on (design 5).

    :param act: a function without arguments
    :return: what kept it from being done, None if nothing did
    :raise ConcurrencyError or psycopg2.OperationalError: a conflict with another
        transaction, after which all of this one must begin again
    """
    try:
        with env.cr.savepoint():
            act()
    except CONFLICTS:
        raise
    except Exception as error:
        return error
    return None
