"""Check the texts to customers: each language has them, and the disclosure says who writes."""

from orgs.checking.findings import Findings
from orgs.problems import quote
from orgs.specification.texts import Texts
from orgs.translations import SHIPPED, base
from orgs.tree import Path


def check_texts(findings: Findings) -> None:
    """Check the texts of each language."""
    policies = findings.org.policies
    for language in policies.texts:
        if language not in policies.languages:
            path: Path = ("policies", "texts", language)
            expected = f"one of the organization's languages ({', '.join(policies.languages)})"
            findings.warn(path, "texts.unused", f"texts in {quote(language)}", expected, of_key=True)
        said, name = policies.texts[language], "disclosure"
        if said.disclosure and "{organization}" not in said.disclosure:
            expected = (
                "a text that says that an AI writes for {organization}, and how to reach a person"
                " (without this line it is said as shipped)"
            )
            findings.add(
                ("policies", "texts", language, name), "text.disclosure", quote(said.disclosure), expected
            )
    for i, language in enumerate(policies.languages):
        if base(language) in SHIPPED:
            continue
        worded = policies.texts.get(language, Texts()).model_dump(exclude_defaults=True)
        if missing := [name for name in Texts.model_fields if name not in worded]:
            expected = f"policies.texts.{language} to have them; until then {policies.languages[0]} is said"
            found = f"{quote(language)} without {len(missing)} texts ({', '.join(missing[:3])}, …)"
            findings.warn(("policies", "languages", i), "texts.missing", found, expected)
