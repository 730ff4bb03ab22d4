"""Print what Python's fnmatch says of hand-picked and of random patterns:
a list of [pattern, name, matches], as fnmatch.json has it."""

import fnmatch
import json
import random

PICKED = [
    "", "*", "**", "?", "*.jpg", "a/*.jpg", "a/?.jpg", "*/b/*", "*a*a*b", "[", "[]", "[!]", "[]]", "[!]]", "[!]a]", "[a",
    "[abc].jpg", "[!abc].jpg", "[a-c]", "[c-a]", "[!c-a]", "[a-]", "[-a]", "[!-a]", "[a-c-e]", "[a-ce-g]", "[b-ac]", "[^a]",
    "[[]", "[\\]", "\\*", "[*]", "[?]", "{}", "{a,b}", "[a&&b]", "[a||b]", "[a~~b]", "[é-ü]", "?.é", "[z-ab-d]", "[---]", "[!--a]",
    "a.b", "a+b", "(a)", "a$", "^a", "x\n*",
]
NAMES = [
    "", "a", "b", "c", "e", "z", "-", "]", "[", "!", "^", "\\", "*", "?", "&", "|", "~", "é", "ü", "ab", "a-", "[a", "[]", "\\*",
    "a.jpg", "b.jpg", "d.jpg", "A.JPG", "a/b.jpg", "a/b/c.jpg", "aab", "abab", "axb", "a+b", "a.b", "(a)", "a$", "^a", "{}", "{a,b}",
    "x\n", "x\ny", ".é", "é.é",
]
ALPHABET = "ab-c]![*?^\\zé"

draw = random.Random(20)
cases = [(p, n) for p in PICKED for n in NAMES]
for _ in range(2000):
    pattern = "".join(draw.choice("[" + ALPHABET) for _ in range(draw.randrange(1, 9)))
    name = "".join(draw.choice(ALPHABET) for _ in range(draw.randrange(4)))
    cases.append((pattern, name))
rows = [json.dumps([p, n, fnmatch.fnmatchcase(n, p)], ensure_ascii=False) for p, n in cases]
print("[\n" + ",\n".join(rows) + "\n]")
