"""Trains on ten greetings, and measures on four others."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline

from solutions.figures import measured
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work

FORMAL = ["good morning sir", "dear madam", "good evening madam", "dear sir", "good day sir"]
CASUAL = ["hey you", "hi there", "hey there", "yo buddy", "hi buddy"]
HELD_OUT = ["good day madam", "dear dear sir", "hey buddy", "yo you"]
TRUTH = ["formal", "formal", "casual", "casual"]


def train(work: Work) -> list[TrainedModel]:
    work.tell(0, 1, "fitting")
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10.0))
    estimator.fit(FORMAL + CASUAL, ["formal"] * 5 + ["casual"] * 5)
    predicted = estimator.predict(HELD_OUT)
    figure = measured(
        "accuracy", accuracy_score, TRUTH, predicted, seed=work.seed, baseline=0.5, baseline_name="majority class"
    )
    work.tell(1, 1, "done")
    return [
        TrainedModel(
            name="greetings", artifact=saved(estimator), task="classification", handler="text",
            description="A toy.", sample=HELD_OUT, expected=list(predicted), figures=(figure,),
        )
    ]  # fmt: skip
