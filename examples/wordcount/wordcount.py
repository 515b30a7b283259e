"""Counts the words of the text /in/part and writes them with their counts to /out/counts.tsv.

A word is a run of letters and digits, with single apostrophes inside; upper and lower case are the same.
"""

import re
from collections import Counter
from pathlib import Path

with Path("/in/part").open(encoding="utf-8", errors="replace") as text:
    words = Counter(word for line in text for word in re.findall(r"[^\W_]+(?:'[^\W_]+)*", line.lower()))
with Path("/out/counts.tsv").open("w", encoding="utf-8") as out:
    for word, count in sorted(words.items()):
        out.write(f"{word}\t{count}\n")
print(f"{words.total()} words, {len(words)} different")
