"""Made-up documents in five scripts, with all that goes wrong in them: marks, joiners, emoji, odd case, odd length."""

import random

WORDS = {
    "latin": "film good straße İstanbul ISPARTA ıspanak naïve café e\u0301tude ﬁne Ærø don't re-read x_1 3.14 ÀÉÎ and",
    "cyrillic": "привет мир фильм хороший ёлка ЁЛКА Київ и не очень и\u0306 СЪЁМКА",
    "arabic": "مرحبا بالعالم فيلم جيد ٱلسَّلَامُ ١٢٣ ﷺ لا \u202bمرحبا\u202c و",
    "devanagari": "नमस्ते दुनिया फ़िल्म अच्छी हिन्दी क्\u200dष र्\u200cय १२३ और नहीं",
    "cjk": "你好 世界 电影 日本語テスト ﾊﾝｶｸ 한국어 한국어 １２３ ＡＢＣ の 東京",
}
EMOJI = ("😀", "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f")
ODD = ("\u200b", "\u00ad", "\u0001", "\u001f", "\u007f", "\ufeff", "\u2028", "\u00a0", "\t", "\r\n", "\u0301")
LONG = ("x" * 30_000, "good " * 4_000)
SPECIAL = ("", " ", "\n\n", "😀", "a", "\u0301", *LONG, "İI ıi ßẞ ΟΔΥΣΣΕΎΣ", "\u202eright to left")


def documents(count: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts, and the number of the script that each is mostly written in."""
    chance = random.Random(seed)
    scripts = [words.split() for words in WORDS.values()]
    texts, kinds = [], []
    for number in range(count):
        kind = number % len(scripts)
        if number // len(scripts) < 2 and number < len(SPECIAL):
            texts.append(SPECIAL[number])
        else:
            texts.append(_text(scripts[kind], [word for words in scripts for word in words], chance))
        kinds.append(kind)
    return texts, kinds


def _text(own: list[str], others: list[str], chance: random.Random) -> str:
    parts = []
    for _ in range(chance.randrange(1, 30)):
        word = chance.choice(own if chance.random() < 0.8 else others)
        roll = chance.random()
        if roll < 0.1:
            word = chance.choice(EMOJI)
        elif roll < 0.2:
            word += chance.choice(ODD)
        elif roll < 0.3:
            word = chance.choice([word.upper(), word.title(), word + chance.choice(EMOJI), f"({word})", f"{word}!"])
        parts.append(word)
    return chance.choice([" ", "  ", " ", ", "]).join(parts)
