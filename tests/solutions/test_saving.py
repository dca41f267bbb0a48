import io

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from solutions.saving import saved

TEXTS, LABELS = ["a good day", "a bad day", "good", "bad"], [1, 0, 1, 0]


def test_a_file_says_nothing_of_where_things_lay_in_memory_and_answers_as_the_estimator_does() -> None:
    fitted = make_pipeline(make_union(TfidfVectorizer(stop_words=["a"])), LogisticRegression()).fit(TEXTS, LABELS)
    expected = fitted.predict_proba(TEXTS)

    opened = joblib.load(io.BytesIO(saved(fitted)))

    assert not hasattr(opened[0].transformer_list[0][1], "_stop_words_id")
    assert (opened.predict_proba(TEXTS) == expected).all()
