"""The requests that both doors are asked: what is common, what is wrong, and what is odd."""

import json
from typing import Any

from tests.parity.doors import HOST, Call

ROW = b'{"instances": [[1.5, 2.0]]}'
DEEP = b"[" * 40 + b"]" * 40


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _bodies(model: str, bodies: list[Any]) -> list[Call]:
    return [Call(f"{model} {_json(body)[:70]!r}", _json(body), f"/api/v1/predict/{model}") for body in bodies]


TABULAR = [
    {"instances": [[1.5, 2.0]]},
    {"instances": [[1, 2], [3, 4.5], [-1e30, 0]]},
    {"instances": [{"x": 1.5, "y": 2.0}]},
    {"instances": [{"y": 2.0, "x": 1.5}, {"x": 0, "y": 0}]},
    {"inputs": {"y": [2.0, 1], "x": [1.5, 3]}},
    {"dataframe_split": {"columns": ["y", "x"], "data": [[2.0, 1.5]]}},
    {"dataframe_split": {"data": [[2.0, 1.5]]}},
    {"dataframe_split": {"columns": ["x", "y"], "data": [[1, 2]], "index": [7]}},
    {"dataframe_records": [{"y": 2.0, "x": 1.5}]},
    {"instances": [[1.0, 2.0]] * 100},
    {"instances": [[1.0, 2.0]] * 101},
    {"instances": [[1.5, 2.0]], "use_cache": False},
    {"instances": [[1.5, 2.0]], "use_cache": True},
    {"use_cache": False, "instances": [[1.5, 2.0]], "subject_id": "patient-7"},
    *({"instances": [[1.5, 2.0]], "use_cache": value} for value in ("true", "no", 0, 1, "perhaps", None, [], {}, 2.5)),
    *(
        {"instances": [[1.5, 2.0]], "subject_id": value}
        for value in ("", " ", " a ", "a\tb", "a\nb", "ü", "\u200b", "x" * 200, "x" * 201, 7, 7.5, True, None, [], {})
    ),
    {"instances": [[1.5, 2.0]], "colour": "red"},
    {"instances": [[1.5, 2.0]], "colour": "red", "use_cache": "perhaps"},
    {"colour": "red"},
    {"use_cache": True},
    {"": [[1.5, 2.0]]},
    {"instances": [[1.5, 2.0]], "inputs": {}},
    {"instances": [[1.5, 2.0]], "inputs": None},
    {"instances": None, "inputs": {"x": [1], "y": [2]}},
    {},
    *(
        {"instances": value}
        for value in (None, 5, "x", {}, [], [[]], [[1.0]], [[1, 2, 3]], [[1, 2], [1]], [{}], [1, 2], [None])
    ),
    *(
        {"instances": [[cell, 2.0]]}
        for cell in ("a", "1.5", True, None, {}, [], [1], 2**31, 2**63, 2**64, 10**30, 3.5e38, 1e300)
    ),
    {"instances": [{"x": 1.0}]},
    {"instances": [{"x": 1.0, "y": 2.0, "z": 3.0}]},
    {"instances": [[1, 2], {"x": 1, "y": 2}]},
    {"inputs": {"x": [1.0, 2.0], "y": [1.0]}},
    {"inputs": {"x": 1.0, "y": 2.0}},
    {"inputs": [[1.0, 2.0]]},
    {"inputs": None},
    {"dataframe_split": {"columns": ["x", "x"], "data": [[1, 2]]}},
    {"dataframe_split": {"columns": ["x", "y"], "data": [[1, 2]], "other": 1}},
    {"dataframe_split": []},
    {"dataframe_records": [[1.0, 2.0]]},
    {"dataframe_records": {}},
]
TEXT = [
    {"instances": ["spam"]},
    {"instances": ["spam", "ham", "", "ü \u0000".replace("\u0000", "")]},
    {"instances": [["spam"]]},
    {"instances": [{"text": "spam"}]},
    {"inputs": {"text": ["spam", "ham"]}},
    {"dataframe_split": {"columns": ["text"], "data": [["ham"]]}},
    {"dataframe_records": [{"text": "ham"}]},
    {"instances": [5]},
    {"instances": [None]},
    {"instances": [["spam", "ham"]]},
    {"instances": [{"words": "spam"}]},
    {"instances": ["spam"] * 101},
    b'{"instances": ["\\ud800"]}',
    b'{"instances": ["a\\u0000b"]}',
    b'{"instances": ["\xff"]}',
    '{"instances": ["\u2028\U0001f600"]}'.encode(),
    b'{"instances": ["tab\there"]}',
]
TENSOR = [
    {"instances": [[[1, 2], [3, 4]]]},
    {"instances": [[[1, 2], [3, 4]], [[0.5, 0], [0, 0]]]},
    {"instances": [{"image": [[1, 2], [3, 4]]}]},
    {"inputs": {"image": [[[1, 2], [3, 4]]]}},
    {"instances": [[[1, 2], [3]]]},
    {"instances": [[[1, 2, 3], [4, 5, 6]]]},
    {"instances": [[1, 2]]},
    {"instances": [[["a", 2], [3, 4]]]},
    {"instances": [[[True, 2], [3, 4]]]},
    {"instances": [[[None, 2], [3, 4]]]},
    {"inputs": {"picture": [[[1, 2], [3, 4]]]}},
    {"dataframe_records": [{"image": [[1, 2], [3, 4]]}]},
    {"dataframe_split": {"columns": ["image"], "data": [[[[1, 2], [3, 4]]]]}},
]
WEIRD = [
    b"[]",
    b"null",
    b"5",
    b'"x"',
    b"true",
    b" ",
    b"{",
    b"}",
    b"{}{}",
    b'{"instances": [[1.5, 2.0]]} x',
    b" \r\n\t" + ROW + b"\n ",
    b"\xef\xbb\xbf" + ROW,
    b"\xfe\xff\x00{",
    b"\x00",
    b"\x80",
    b'{"instances": [[1.5, 2.0]]',
    b'{"instances": [[1.5, 2.0],]}',
    b"{'instances': [[1.5, 2.0]]}",
    b'{"instances": [[NaN, 2.0]]}',
    b'{"instances": [[Infinity, 2.0]]}',
    b'{"instances": [[-Infinity, 2.0]]}',
    b'{"instances": [[1e309, 2.0]]}',
    b'{"instances": [[-1e309, 2.0]]}',
    b'{"instances": [[1e-400, 2.0]]}',
    b'{"instances": [[01, 2.0]]}',
    b'{"instances": [[+1, 2.0]]}',
    b'{"instances": [[.5, 2.0]]}',
    b'{"instances": [[1., 2.0]]}',
    b'{"instances": [[0x10, 2.0]]}',
    b'{"instances": [[-0, 0.0]]}',
    b'{"instances": [[1E2, 2e0]]}',
    b'{"instances": [[1' + b"0" * 400 + b", 2.0]]}",
    b'{"instances": [[-1' + b"0" * 25 + b", 2.0]]}",
    b'{"instances": [[1.5, 2.0]], "instances": [[3.0, 4.0]]}',
    b'{"instances": [[1.5, 2.0]], "\\u0069nstances": [[3.0, 4.0]]}',
    b'{"instances": [{"x": 1, "y": 2, "x": 3}]}',
    b'{"instances": [[1.5, 2.0]], "use_cache": true, "use_cache": false}',
    b'{"instances": ' + DEEP + b"}",
    b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"[" * 100_000,
    b'{"instances": [["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 2.0]]}',
    b'{"instances": [[1.5, 2.0]], "subject_id": "\\ud800"}',
    b'{"instances": [[1.5, 2.0]], "subject_id": "a\\u0000"}',
    b'{"instances": [[1.5, 2.0]], "\\ud800": 1}',
    b'{"instances": [[1.5, 2.0]], "subject_id": "\xff"}',
    b'{"instances": [[1.5, 2.0]], /* why */ "use_cache": true}',
]

BODIES = [
    *_bodies("oracle", TABULAR),
    *_bodies("words", TEXT),
    *_bodies("image", TENSOR),
    *_bodies("oracle", WEIRD),
]

REFERENCES = [
    *(
        Call(f"path {ref}{tail}", ROW, f"/api/v1/predict/{ref}{tail}")
        for ref in (
            "oracle",
            "oracle:1",
            "oracle:2",
            "oracle:v1",
            "oracle@production",
            "{id}",
            "{id}:1",
            "idle:1",
            "old",
        )
        for tail in ("", "/", "/batch", "/batch/")
    ),
    *(
        Call(f"odd path {path}", ROW, path, by_lane=False)
        for path in (
            "/api/v1/predict/",
            "/api/v1/predict",
            "/api/v1/predict//",
            "/api/v1/predict//oracle",
            "/api/v1//predict/oracle",
            "/api/v1/predict/oracle//",
            "/api/v1/predict/oracle/batch//",
            "/api/v1/predict/oracle//batch",
            "/api/v1/predict/oracle/batch/batch",
            "/api/v1/predict/oracle/other",
            "/api/v1/predict/batch",
            "/api/v1/predict/batch/batch",
            "/api/v1/predict/ghost",
            "/api/v1/predict/oracle:9",
            "/api/v1/predict/Oracle",
            "/api/v1/predict/oracle@staging",
            "/api/v1/predict/oracle%2F",
            "/api/v1/predict/or%61cle",
            "/api/v1/predict/oracle ",
            "/api/v1/predict/\xc3\xbc",
            "/api/v1/predict/..",
            "/api/v1/predict/../models",
            "/api/v1/predict/oracle;a=1",
            "/api/v1/predict/oracle\n",
            "/API/v1/predict/oracle",
            "/api/v1/predict/idle",
            "/api/v1/predict/" + "a" * 300,
            "/api/v1/predict/oracle:" + "9" * 50,
        )
    ),
]

MARGINS = [
    Call("asked twice", ROW, times=2),
    Call("a given id", ROW, environ={"HTTP_X_REQUEST_ID": "given-id"}),
    Call("a given id and a wrong body", b"{", environ={"HTTP_X_REQUEST_ID": "given-id"}),
    Call("an id that is not sane", ROW, environ={"HTTP_X_REQUEST_ID": "a b\u00fc"}),
    *(
        Call(f"type {kind}", ROW, environ={"CONTENT_TYPE": kind}, by_lane=is_common)
        for kind, is_common in (
            ("application/json; charset=utf-8", True),
            ("application/json;charset=UTF-8", True),
            ("APPLICATION/JSON", True),
            ("application/json; charset=latin-1", False),
            ("application/json; charset=zlib", False),
            ("text/plain", False),
            ("application/x-www-form-urlencoded", False),
            ("multipart/form-data; boundary=x", False),
            ("", False),
            ("application/json, text/plain", False),
            ("application/problem+json", False),
            ("nonsense", False),
            (None, False),
        )
    ),
    *(
        Call(f"accept {kind}", ROW, environ={"HTTP_ACCEPT": kind}, by_lane=is_common)
        for kind, is_common in (
            ("*/*", True),
            ("application/json", True),
            ("application/json, text/plain, */*", True),
            ("application/json, */*", True),
            ("text/html", False),
            ("application/xml", False),
            ("application/*", False),
            ("nonsense", False),
            ("", False),
            ("application/json; indent=4", False),
            ("application/json;q=0", False),
        )
    ),
    *(
        Call(f"length {length!r}", ROW, environ={"CONTENT_LENGTH": length}, by_lane=False)
        for length in ("", "0", None, "-1", "abc", "1e2", "\u0663", " 27", "99999999999999")
    ),
    Call("a length below the body's", ROW, environ={"CONTENT_LENGTH": "5"}),
    Call("a length above the body's", ROW, environ={"CONTENT_LENGTH": "50"}, by_lane=False),
    Call("over the cap", b" " * 2000 + ROW, by_lane=False),
    Call("chunked", ROW, environ={"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"}, by_lane=False),
    Call("chunked with a length", ROW, environ={"HTTP_TRANSFER_ENCODING": "chunked"}, by_lane=False),
    Call("compressed", ROW, environ={"HTTP_CONTENT_ENCODING": "gzip"}, by_lane=False),
    Call("expect", ROW, environ={"HTTP_EXPECT": "100-continue"}, by_lane=False),
    Call("another site", ROW, environ={"HTTP_ORIGIN": "https://example.org"}, by_lane=False),
    Call("an allowed site", ROW, environ={"HTTP_ORIGIN": "https://friend.example"}, by_lane=False),
    Call("a cookie", ROW, environ={"HTTP_COOKIE": "sessionid=abc"}, by_lane=False),
    Call("a query", ROW, environ={"QUERY_STRING": "format=xml"}, by_lane=False),
    Call("an empty format", ROW, environ={"QUERY_STRING": "format="}, by_lane=False),
    *(
        Call(f"host {host!r}", ROW, environ={"HTTP_HOST": host}, by_lane=is_ours)
        for host, is_ours in (
            ("localhost:8000", True),
            ("LOCALHOST", True),
            ("127.0.0.1", True),
            ("[::1]:80", True),
            ("evil.example", False),
            ("localhost:port", False),
            ("", False),
            (None, False),
            ("localhost@evil.example", False),
            (f"{HOST}/x", False),
        )
    ),
    *(
        Call(f"method {method}", ROW if method not in ("GET", "HEAD") else b"", method=method, by_lane=False)
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "NONSENSE")
    ),
    Call("overridden method", ROW, environ={"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}),
    Call("forwarded", ROW, environ={"HTTP_X_FORWARDED_FOR": "10.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}),
    Call("a mounted path", ROW, environ={"SCRIPT_NAME": "/mounted"}, by_lane=False),
]
