"""What a transaction is, and what values its fields may have. No Django: training and serving share it."""

import re
from dataclasses import dataclass

CATEGORIES = (
    "cash", "clothing", "electronics", "entertainment", "fuel", "gambling", "gift_cards", "groceries", "health",
    "home", "jewellery", "other", "restaurants", "subscriptions", "transport", "travel",
)  # fmt: skip
CHANNELS = ("atm", "chip", "contactless", "online")
# Euros for one unit, rounded and fixed: they put amounts on one scale and are no exchange rates to trade by.
EUROS = {
    "AUD": 0.6, "BRL": 0.17, "CAD": 0.67, "CHF": 1.05, "CNY": 0.13, "CZK": 0.04, "DKK": 0.134, "EUR": 1.0, "GBP": 1.17,
    "HUF": 0.0025, "INR": 0.011, "JPY": 0.0062, "MXN": 0.05, "NOK": 0.087, "NZD": 0.55, "PLN": 0.23, "RON": 0.2,
    "SEK": 0.089, "TRY": 0.027, "USD": 0.92, "ZAR": 0.05,
}  # fmt: skip
COUNTRIES = frozenset(
    re.findall(
        r"..",
        "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCV"
        "CWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIM"
        "INIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMW"
        "MXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSS"
        "STSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW",
    )
)
"""ISO 3166-1 alpha-2."""
MAX_AMOUNT = 10_000_000
MAX_PER_HOUR = 1_000


@dataclass(frozen=True, slots=True)
class Transaction:
    """One card payment. usual_amount: what the customer usually pays, in the same currency; None: not known, then the
    amount counts as usual. home_country: None: not known, then it counts as at home."""

    amount: float
    currency: str
    merchant_category: str
    country: str
    hour: int
    channel: str = "chip"
    home_country: str | None = None
    usual_amount: float | None = None
    transactions_last_hour: int = 0
    is_new_merchant: bool = False

    @property
    def times_usual(self) -> float:
        return self.amount / self.usual_amount if self.usual_amount else 1.0

    @property
    def is_abroad(self) -> bool:
        return self.home_country is not None and self.home_country != self.country
