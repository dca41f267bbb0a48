"""Texts: the model's own words among unknown ones, in many scripts, cases and shapes."""

import numpy as np

SCRIPTS = """
a I x 7 42 3.14 1e5 _ __init__ snake_case kebab-case e-mail don't O'Neil user@example.org #tag 100% C++
café naïve Ñandú straße STRASSE Ærø İstanbul ıspanak ÀÉÎ ﬁne Ⅻ ² ½ ª º
Привет мир ЁЛКА ёлка Київ
ΣΊΣΥΦΟΣ σίσυφος Καλημέρα ΟΔΟΣ ΚΌΣΜΟΣ
مرحبا بالعالم ٱلسَّلَامُ ١٢٣ ﷺ
你好 世界 你好世界 日本語テスト ﾊﾝｶｸ 한국어 １２３ ＡＢＣ
नमस्ते हिन्दी ไทย 😀 👩‍👩‍👧 🇩🇪 𝔘𝔫𝔦 Ǆ ǅ ǆ ﬃ
"""
# Look-alikes, joiners and marks that an editor might tidy away.
HARD_TO_SEE = ("e\u0301tude", "\u200d", "\u200b", "\u00ad", "\u00a0", "\u212a", "\u212b", "\u2028", "\u0130")
STRANGE_WORDS = (*SCRIPTS.split(), *HARD_TO_SEE)
PUNCTUATION = ("", ".", ",", "!", "?!", "...", ":", ";", ")", '"', "'s", "\u2014", "\u2019s", "\t", "\n")
FIXED = (
    "",
    " ",
    "\n\t ",
    ".",
    "a",
    "ab",
    "__",
    "ΟΔΥΣΣΕΎΣ ΣΑΣ",
    "İI ıi",
    "the " * 400,
    "x" * 5000,
    "\ufeffbom first",
)
LONGEST_WORDS = 60


def generate(vocabulary: list[str], count: int, seed: int) -> list[str]:
    """About `count` texts, deterministic for a seed."""
    random = np.random.default_rng(seed)
    words = vocabulary or ["word", "text", "model"]
    texts = [*FIXED]
    while len(texts) < count:
        length = int(random.integers(1, 40))
        known_share = random.choice([0.2, 0.7, 0.95])
        parts = []
        for _ in range(length):
            if random.random() < known_share:
                parts.append(_varied(words[int(random.integers(len(words)))], random))
            else:
                parts.append(STRANGE_WORDS[int(random.integers(len(STRANGE_WORDS)))])
            if random.random() < 0.25:
                parts[-1] += PUNCTUATION[int(random.integers(len(PUNCTUATION)))]
        texts.append(str(random.choice([" ", " ", "  ", "-"])).join(parts))
    return [*texts, *[_varied(word, random) for word in words[:: max(len(words) // 40, 1)]]]


def _varied(word: str, random: "np.random.Generator") -> str:
    """A known word in another case, with something glued to it, or as it is."""
    form = int(random.integers(9))
    forms = {
        1: word.upper(),
        2: word.title(),
        3: word.swapcase(),
        4: f"{word}s",
        5: f"({word})",
        6: f"{word}_",
        7: f"İ{word}",
    }
    return forms.get(form, word)
