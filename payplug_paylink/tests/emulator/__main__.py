"""``python -m emulator``: run the emulator until it is interrupted."""

# It prints.
# pylint: disable=print-used

import argparse
import threading

from .server import DEMO_ACCOUNT, PayplugEmulator

WELCOME = """Payplug emulator: {url}
  e-mail    {email}
  password  {password}
  test key  {test_key}
  live key  {live_key}
  card      4242 4242 4242 4242, any future date, any 3 digits
Ctrl-C stops it."""


def main():
    """Run the emulator with the options of the command line."""
    parser = argparse.ArgumentParser(description="A local Payplug, without real money.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8070, help="0 for any free one")
    parser.add_argument("--latency-ms", type=int, default=0, help="of each API answer")
    parser.add_argument("--merchant", default="Demo", help="shown on the payment page")
    parser.add_argument(
        "--no-live",
        action="store_true",
        help="the account may not take live payments yet, and has no live key",
    )
    options = parser.parse_args()
    with PayplugEmulator.start(
        options.host, options.port, deliver_automatically=True, verbose=True
    ) as emulator:
        account = emulator.accounts[0]
        account.name = options.merchant
        if options.no_live:
            account.live_allowed, account.live_key = False, None
        emulator.set_latency(options.latency_ms / 1000)
        shown = {**DEMO_ACCOUNT, "live_key": account.live_key or "none"}
        print(WELCOME.format(url=emulator.url, **shown), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("Stopped.")


if __name__ == "__main__":
    main()
