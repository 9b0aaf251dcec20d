{
    "name": "Benchmark: Mollie on this machine",
    "summary": "Points payment_mollie at a stand-in and times its post-processing",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "author": "Payplug Paylink contributors",
    "depends": ["payment_mollie"],
    "installable": True,
}
