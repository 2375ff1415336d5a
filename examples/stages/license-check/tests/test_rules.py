import json
import unittest

from distribution import Distribution, read_distributions
from requirement import Place, pinned_places

PACKAGE = {"name": "x", "version": "1", "expression": None, "license": None, "classifiers": []}


def licence(**said: object) -> str:
    return read_distributions(json.dumps([PACKAGE | said]).encode())[0].licence


class Licences(unittest.TestCase):
    def test_an_expression_is_worth_more_than_a_classifier(self):
        classifiers = ["License :: OSI Approved :: BSD License"]
        self.assertEqual(
            licence(expression="BSD-3-Clause", classifiers=classifiers), "BSD-3-Clause"
        )

    def test_an_unknown_classifier_keeps_its_words(self):
        classifiers = ["Topic :: Internet", "License :: OSI Approved :: Sleepycat License"]
        self.assertEqual(licence(classifiers=classifiers), "Sleepycat License")

    def test_a_whole_licence_text_is_not_a_name(self):
        self.assertEqual(licence(license="MIT\n\nPermission is hereby granted"), "MIT")

    def test_silence_is_not_consent(self):
        unknown = Distribution("x", "1", licence())
        self.assertEqual(unknown.licence, "unknown")
        self.assertFalse(unknown.is_allowed_by(frozenset({"mit"})))

    def test_expressions(self):
        allowed = frozenset({"mit", "bsd"})
        for text, fine in [
            ("MIT", True),
            ("GPL-3.0-only", False),
            ("GPL-3.0-only OR MIT", True),
            ("MIT AND GPL-3.0-only", False),
            ("MIT AND BSD", True),
            ("(MIT OR BSD)", False),
        ]:
            self.assertEqual(Distribution("x", "1", text).is_allowed_by(allowed), fine, text)


class Requirements(unittest.TestCase):
    def test_each_package_has_its_line(self):
        text = (
            "# pinned\n-r base.txt\nDjango==5.2\n\nzope.interface[test]>=1 ; python_version < '4'\n"
        )
        self.assertEqual(
            pinned_places("r.txt", text),
            {"django": Place("r.txt", 3), "zope-interface": Place("r.txt", 5)},
        )

    def test_a_url_behind_a_name_is_fine_and_alone_is_nameless(self):
        text = "https://example.com/a.whl\nb @ https://example.com/b.whl\n"
        self.assertEqual(pinned_places("r.txt", text), {"b": Place("r.txt", 2)})


if __name__ == "__main__":
    unittest.main()
