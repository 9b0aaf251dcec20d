"""Every word that people read can be translated, and is there in French."""

import io
import re

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path
from odoo.tools.translate import trans_export

ADDON = "payplug_paylink"


@tagged("post_install", "-at_install", "once")
class TestTranslations(TransactionCase):
    def _read(self, name):
        return polib.pofile(file_path(f"{ADDON}/i18n/{name}"))

    @staticmethod
    def _terms(catalogue):
        return {entry.msgid for entry in catalogue if not entry.obsolete}

    def test_template_holds_exactly_the_words_of_the_addon(self):
        exported = io.BytesIO()
        trans_export(False, [ADDON], exported, "po", self.env)
        found = self._terms(polib.pofile(exported.getvalue().decode()))
        self.assertGreater(len(found), 100)
        stored = self._terms(self._read(f"{ADDON}.pot"))
        self.assertEqual(sorted(found - stored), [], "missing in the .pot")
        self.assertEqual(sorted(stored - found), [], "no longer in the addon")

    def test_every_word_has_a_french_translation(self):
        french = self._read("fr.po")
        wanted = self._terms(self._read(f"{ADDON}.pot"))
        self.assertEqual(sorted(wanted ^ self._terms(french)), [])
        unfinished = [
            entry.msgid
            for entry in french
            if entry.fuzzy or not entry.msgstr.strip() or entry.obsolete
        ]
        self.assertEqual(unfinished, [])

    def test_french_keeps_every_placeholder(self):
        for entry in self._read("fr.po"):
            with self.subTest(term=entry.msgid):
                self.assertEqual(
                    sorted(self._placeholders(entry.msgid)),
                    sorted(self._placeholders(entry.msgstr)),
                )

    def test_french_punctuation_never_begins_a_line(self):
        """Before these signs, and after «, French has a space that does not break."""
        for entry in self._read("fr.po"):
            words = re.sub("<[^>]*>", "", entry.msgstr)
            with self.subTest(term=entry.msgid):
                self.assertNotRegex(words, r"\S [:;!?»€]|« ")

    @staticmethod
    def _placeholders(text):
        return [part.partition(")s")[0] for part in text.split("%(")[1:]]
