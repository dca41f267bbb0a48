"""A hand-written FastAPI service: the body checked by pydantic, the answer written by orjson, the model on the loop."""

import model
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

app = FastAPI()
served = model.load()


class Numbers(BaseModel):
    instances: list[list[float]]


class Texts(BaseModel):
    instances: list[str]


Body = Texts if model.IS_TEXT else Numbers


@app.post("/predict")
async def predict(body: Body) -> Response:
    return Response(orjson.dumps(model.answer(served, body.instances)), media_type="application/json")
