"""Who may do what: for each route and verb, what each of the eight callers gets.

The words are those of `observe.outcome`, in the order of `world.CALLERS`:

    anonymous · predict key · expired key · other tenant · viewer · owner · staff · superuser

The things asked for are the owner's and private. A `*` says that rows change: then they must, and without one they
must not. The first rule that matches a pair decides; a rule that matches none is a mistake.
"""

import re
from typing import NamedTuple

ANY = r"[A-Z]+"
ALL = "{0} {0} {0} {0} {0} {0} {0} {0}".format


class Rule(NamedTuple):
    route: str
    verbs: str
    outcomes: tuple[str, ...]

    def covers(self, route: str, verb: str) -> bool:
        return bool(re.fullmatch(self.route, route) and re.fullmatch(self.verbs, verb))


def rule(route: str, verbs: str, outcomes: str) -> Rule:
    words = tuple(outcomes.split())
    assert len(words) == 8, route
    return Rule(route, verbs, words)


def staff_only(staff: str, superuser: str) -> str:
    """The admin sends everybody who is not staff to sign in, whatever the route."""
    return f"login login login login login login {staff} {superuser}"


API, ADMIN, ID = "/api/v1", "/admin", r"\{\w+\}"
MODEL = rf"{API}/models/{ID}"
READS = "GET|HEAD"
EITHER = rf"({API})?"

RULES = [
    # -- Open to everybody ----------------------------------------------------------------------------
    rule(r"/(favicon\.ico)?", ANY, ALL("moved")),
    rule(r"/api/schema", "GET|HEAD|OPTIONS", ALL("in")),
    rule(r"/docs", READS, ALL("in")),
    rule(r"/docs|/api/schema", ANY, ALL("405")),
    # The body is the credential: an account's own data, a password, a refresh token.
    rule(rf"{API}/auth/(register|login|refresh|logout)", "POST", ALL("in*")),
    rule(rf"{API}/auth/(register|login|refresh|logout)", "OPTIONS", ALL("in")),
    rule(rf"{API}/auth/(register|login|refresh|logout)", ANY, ALL("405")),
    # -- The API: accounts ----------------------------------------------------------------------------
    rule(rf"{API}/auth/me", READS, "401 in 401 in in in in in"),
    rule(rf"{API}/api-keys", READS, "401 403 401 in in in in in"),
    rule(rf"{API}/api-keys", "POST", "401 403 401 in* in* in* in* in*"),
    rule(rf"{API}/api-keys/{ID}", "DELETE", "401 403 401 404 404 in* 404 in*"),
    # -- The API: models ------------------------------------------------------------------------------
    rule(rf"{API}/models/upload", "POST", "401 403 401 in 403 in* 403 in*"),
    rule(rf"{API}/(models|predictions)", READS, "401 403 401 in in in in in"),
    # Which versions are compared stands in the query, which the table does not send.
    rule(rf"{MODEL}/compare", READS, "401 403 401 404 404 in in in"),
    rule(rf"{MODEL}(/history|/versions(/{ID}(/report|/download)?)?)?", READS, "401 403 401 404 404 in in in"),
    rule(rf"{API}/monitoring/analytics|/monitoring/statistics", READS, "401 403 401 in in in in in"),
    # No process serves the live model of the table, which is what 503 says.
    rule(r"/monitoring/health", READS, "401 403 401 503 503 503 503 503"),
    rule(r"/monitoring/(health|statistics)", "OPTIONS", "401 in 401 in in in in in"),
    rule(r"/monitoring/(health|statistics)", ANY, "401 405 401 405 405 405 405 405"),
    rule(rf"{API}/alerts(/history)?", READS, "401 403 401 in in in in in"),
    # Nobody here has both the scope and the right, but the superuser.
    rule(rf"{API}/alerts/{ID}/silence", "POST|DELETE", "401 403 401 404 404 403 403 in*"),
    rule(rf"{API}/predictions/{ID}", READS, "401 403 401 404 404 in in in"),
    # Feedback about what one may not see is taken and waits, as is that about what isn't recorded yet.
    rule(rf"{API}/predictions/{ID}/feedback", "POST", "401 in* 401 in* in* in* in* in*"),
    rule(rf"{API}/feedback", "POST", "401 in* 401 in* in* in* in* in*"),
    rule(rf"{API}/feedback", READS, "401 403 401 in in in in in"),
    rule(rf"{MODEL}/(review|labelled)", READS, "401 403 401 404 404 in 403 in"),
    rule(rf"{MODEL}/watch", "PATCH", "401 403 401 404 403 in* 403 in*"),
    rule(rf"{MODEL}/(quality|drift|watch)", READS, "401 403 401 404 404 in in in"),
    # There is no reference yet, and too little traffic for one, which is what 409 says.
    rule(rf"{MODEL}/versions/{ID}/drift(-reference)?", "POST", "401 403 401 404 403 in 403 in"),
    # A viewer's account has no right to the scope, which is said before anything is looked up.
    rule(MODEL, "PATCH|DELETE", "401 403 401 404 403 in* 403 in*"),
    rule(rf"{MODEL}/versions/{ID}", "PATCH", "401 403 401 404 403 in* 403 in*"),
    rule(rf"{MODEL}/versions/{ID}/restore", "POST", "401 403 401 404 404 in 403 in"),
    rule(rf"{MODEL}/versions/{ID}/(activate|deprecate|archive)", "POST", "401 403 401 404 404 in* 403 in*"),
    # The model of the table is not archived: there is nothing to restore.
    rule(rf"{MODEL}/restore", "POST", "401 403 401 404 403 in 403 in"),
    rule(rf"{MODEL}/rollback", "POST", "401 403 401 404 404 in* 403 in*"),
    rule(rf"{API}/predict/{ID}(/batch)?", "POST", "401 in 401 404 404 in in in"),
    # A job is its own person's, whatever the model: staff need the permission. It is not done, which is what 409 says.
    rule(rf"{API}/batch-jobs", "POST", "401 in* 401 404 404 in* in* in*"),
    rule(rf"{API}/batch-jobs", READS, "401 in 401 in in in in in"),
    rule(rf"{API}/batch-jobs/{ID}(/results)?", READS, "401 in 401 404 404 in 404 in"),
    rule(rf"{API}/batch-jobs/{ID}", "DELETE", "401 in* 401 404 404 in* 404 in*"),
    # The table's world has no model of that name, which is what 409 and 503 say.
    rule(rf"{API}/ml/classify(/batch)?", "POST", "401 in 401 in in in in in"),
    rule(rf"{API}/ml/health", READS, "401 403 401 503 503 503 503 503"),
    rule(rf"{API}/ml/(model/(info|versions|performance)|cache/stats)", READS, "401 403 401 in in in in in"),
    rule(rf"{API}/ml/model/(version/switch|reload|rollback)", "POST", "401 403 401 in in in in in"),
    rule(rf"{API}/ml/cache", "DELETE", "401 403 401 in in in in in"),
    rule(r"/predict/(intent|anomaly)", "POST", "401 in 401 in in in in in"),
    rule(r"/predict/(intent|anomaly)", "OPTIONS", "401 in 401 in in in in in"),
    rule(r"/predict/(intent|anomaly)", ANY, "401 405 401 405 405 405 405 405"),
    # -- Propositions: at the paths of the seed and below /api/v1 --------------------------------------
    rule(rf"{EITHER}/(suggest|log_event)", "POST", "401 in* 401 in* in* in* in* in*"),
    rule(rf"{EITHER}/users/{ID}/features", "PUT", "401 in* 401 in* in* in* in* in*"),
    # Both tell of people: it takes a permission that only the superuser of the table has.
    rule(rf"{EITHER}/(interactions|users/{ID}/features)", READS, "401 403 401 403 403 403 403 in"),
    rule(rf"{EITHER}/(propositions(/{ID})?|suggest/(metrics|cache))", READS, "401 403 401 in in in in in"),
    rule(rf"{EITHER}/propositions", "POST", "401 403 401 403 403 403 403 in*"),
    rule(rf"{EITHER}/propositions/{ID}", "PATCH", "401 403 401 403 403 403 403 in*"),
    # The table has no ranking model.
    rule(rf"{EITHER}/suggest/(performance|versions)", READS, "401 403 401 404 404 404 404 404"),
    rule(rf"{EITHER}/suggest/activate", "POST", "401 403 401 404 404 404 404 404"),
    rule(rf"{EITHER}/suggest/cache", "DELETE", "401 403 401 404 404 404 404 404"),
    rule(r"/(suggest.*|log_event|propositions.*|interactions|users/.*)", "OPTIONS", "401 in 401 in in in in in"),
    rule(r"/(suggest.*|log_event|propositions.*|interactions|users/.*)", ANY, "401 405 401 405 405 405 405 405"),
    rule(rf"{API}/images/(classify|quality(/batch)?)", "POST", "401 in 401 in in in in in"),
    rule(r"/metrics", READS, "401 403 401 403 403 403 in in"),
    rule(r"/metrics", "OPTIONS", "401 403 401 403 403 403 in in"),
    rule(r"/metrics", ANY, "401 403 401 403 403 403 405 405"),
    # -- The API: whatever is not offered -------------------------------------------------------------
    rule(rf"{API}/.*", "OPTIONS", "401 in 401 in in in in in"),
    rule(rf"{API}/.*", ANY, "401 405 401 405 405 405 405 405"),
    # -- Signing in to the admin ----------------------------------------------------------------------
    rule(rf"{ADMIN}/login/", "GET", "in in in in in in moved moved"),
    rule(rf"{ADMIN}/login/", "POST", ALL("in")),
    rule(rf"{ADMIN}/login/", ANY, ALL("405")),
    rule(rf"{ADMIN}/logout/", "POST", "moved moved moved moved moved moved in in"),
    rule(rf"{ADMIN}/logout/", ANY, "moved moved moved moved moved moved 405 405"),
    # -- The admin's own pages ------------------------------------------------------------------------
    rule(rf"{ADMIN}/(search/)?", ANY, staff_only("in", "in")),
    rule(rf"{ADMIN}/password_change/", "GET|POST", staff_only("in", "in")),
    rule(rf"{ADMIN}/(jsi18n|password_change/done)/", "GET", staff_only("in", "in")),
    rule(rf"{ADMIN}/autocomplete/", "GET", staff_only("403", "403")),
    rule(rf"{ADMIN}/(jsi18n|password_change|password_change/done|autocomplete)/", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/r/{ID}/{ID}/", ANY, staff_only("404", "404")),
    rule(rf"{ADMIN}/{ID}/", ANY, staff_only("404", "in")),
    rule(rf"{ADMIN}/runbooks", ANY, staff_only("in", "in")),
    rule(rf"{ADMIN}/{ID}", ANY, staff_only("404", "404")),
    # The staff of the table have no second factor and need none.
    rule(rf"{ADMIN}/second-factor/", "GET|POST", staff_only("in", "in")),
    rule(rf"{ADMIN}/second-factor/", ANY, ALL("405")),
    # -- Pages of ours --------------------------------------------------------------------------------
    rule(rf"{ADMIN}/dashboard/{ID}/(quality|labelled)", "GET", staff_only("403", "in")),
    rule(rf"{ADMIN}/dashboard/{ID}/(quality|labelled)", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/dashboard/{ID}/watch", "POST", staff_only("403", "moved*")),
    rule(rf"{ADMIN}/dashboard/{ID}/watch", ANY, staff_only("405", "405")),
    # There is nothing to judge, and no reference to look from, which the page says after it moved.
    rule(rf"{ADMIN}/dashboard/{ID}/(review|drift)", "GET", staff_only("403", "in")),
    rule(rf"{ADMIN}/dashboard/{ID}/(review|drift)", "POST", staff_only("403", "moved")),
    rule(rf"{ADMIN}/dashboard/{ID}/(review|drift)", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/predictions/{ID}/feedback", "POST", staff_only("403", "moved*")),
    rule(rf"{ADMIN}/predictions/{ID}/feedback", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/(dashboard(/{ID})?|processes|clients|predictions(/{ID})?)", ANY, staff_only("403", "in")),
    rule(rf"{ADMIN}/predictions/export", "POST", staff_only("403", "in")),
    rule(rf"{ADMIN}/predictions/export", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/monitoring/predictionlog/{ID}/change/", "GET", staff_only("403", "moved")),
    rule(rf"{ADMIN}/versions/{ID}/activation/", "GET", staff_only("in", "in")),
    # Staff see every model; who sees one may ask it.
    rule(rf"{ADMIN}/(versions/{ID}/try|models/{ID}/compare)/", "GET|POST", staff_only("in", "in")),
    # A job is its own person's; staff need the permission. It has no results yet, which the page says after it moved.
    rule(rf"{ADMIN}/versions/{ID}/batch/", "GET|POST", staff_only("in", "in")),
    rule(rf"{ADMIN}/batch/", "GET", staff_only("in", "in")),
    rule(rf"{ADMIN}/batch/{ID}/", "GET", staff_only("404", "in")),
    rule(rf"{ADMIN}/batch/{ID}/results/", "GET", staff_only("404", "moved")),
    rule(rf"{ADMIN}/batch/{ID}/cancel/", "POST", staff_only("404", "moved*")),
    rule(rf"{ADMIN}/batch/({ID}/(results/|cancel/)?)?", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/solution/", "GET", staff_only("in", "in")),
    # The table has no solution of that name; who may open the admin may try those that are there.
    rule(rf"{ADMIN}/solution/{ID}/", "GET|POST", staff_only("404", "404")),
    rule(rf"{ADMIN}/solution/({ID}/)?", ANY, staff_only("405", "405")),
    # Who asks for no seed is sent back; somebody else's training is not cancelled.
    rule(rf"{ADMIN}/solution/{ID}/train/", "POST", staff_only("moved", "moved")),
    rule(rf"{ADMIN}/training/{ID}/cancel/", "POST", staff_only("moved", "moved*")),
    rule(rf"{ADMIN}/(solution/{ID}/train|training/{ID}/cancel)/", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/(versions|models)/{ID}/(activate|rollback|trust)/", "GET", staff_only("moved", "in")),
    rule(rf"{ADMIN}/(versions|models)/{ID}/(activate|rollback|trust)/", "POST", staff_only("moved", "moved*")),
    rule(rf"{ADMIN}/(versions|models)/{ID}/\w+/", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/registry/modelversion/{ID}/progress/", ANY, staff_only("403", "in")),
    # -- Lists and forms: records are never made, changed or deleted here -----------------------------
    rule(rf"{ADMIN}/accounts/auditevent/(add|{ID}/delete)/", ANY, staff_only("403", "403")),
    rule(
        rf"{ADMIN}/monitoring/(predictionlog|feedback|errorgroup|alert|alertevent)/(add|{ID}/delete)/",
        ANY,
        staff_only("403", "403"),
    ),
    rule(rf"{ADMIN}/(accounts/apikey|registry/\w+)/{ID}/delete/", ANY, staff_only("403", "403")),
    rule(rf"{ADMIN}/solutions/actionrule/(add|{ID}/delete)/", ANY, staff_only("403", "403")),
    # What it would say is what is said already: nothing changes.
    rule(rf"{ADMIN}/registry/modelversion/{ID}/change/", "POST", staff_only("403", "moved")),
    rule(rf"{ADMIN}/registry/modelversion/{ID}/change/", "DELETE", staff_only("405", "405")),
    # The second version is ready; the model is in use.
    rule(rf"{ADMIN}/registry/\w+/{ID}/(deprecate|archive)/", "POST", staff_only("403", "moved*")),
    rule(rf"{ADMIN}/registry/\w+/{ID}/(deprecate|archive)/", ANY, staff_only("403", "in")),
    rule(rf"{ADMIN}/registry/modelversion/{ID}/download/", "POST|DELETE", staff_only("405", "405")),
    rule(rf"{ADMIN}/registry/\w+/{ID}/restore/", ANY, staff_only("403", "moved")),
    rule(
        rf"{ADMIN}/(accounts/(auditevent|apikey)|monitoring/(predictionlog|feedback|errorgroup|alert|alertevent))/{ID}/change/",
        "POST",
        staff_only("403", "403"),
    ),
    # -- Lists and forms: what a superuser may do -----------------------------------------------------
    rule(
        rf"{ADMIN}/(accounts/user|auth/group|monitoring/(alertrule|alertchannel))/{ID}/delete/",
        "POST",
        staff_only("403", "moved*"),
    ),
    rule(rf"{ADMIN}/registry/registeredmodel/add/", ANY, staff_only("moved", "moved")),
    rule(rf"{ADMIN}/registry/\w+/{ID}/history/", ANY, staff_only("moved", "moved")),
    rule(rf"{ADMIN}/(accounts/apikey|monitoring/feedback)/{ID}/history/", ANY, staff_only("moved", "in")),
    rule(rf"{ADMIN}/solutions/(interaction|userfeatures|retraining)/(add|{ID}/delete)/", ANY, staff_only("403", "403")),
    rule(rf"{ADMIN}/solutions/proposition/{ID}/delete/", ANY, staff_only("403", "403")),
    rule(rf"{ADMIN}/solutions/(interaction|userfeatures)/{ID}/change/", "POST", staff_only("403", "403")),
    # It ended: there is nothing to decide.
    # Nothing was logged that could be learned from.
    rule(rf"{ADMIN}/solutions/retraining/ask/", "POST", staff_only("403", "moved")),
    rule(rf"{ADMIN}/solutions/retraining/ask/", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/solutions/retraining/{ID}/(accept|decline|cancel)/", "POST", staff_only("403", "moved")),
    rule(rf"{ADMIN}/solutions/retraining/{ID}/(accept|decline|cancel)/", ANY, staff_only("405", "405")),
    rule(rf"{ADMIN}/\w+/\w+/{ID}/", ANY, staff_only("moved", "moved")),
    rule(rf"{ADMIN}/\w+/\w+/(add/|{ID}/\w+/)?", ANY, staff_only("403", "in")),
]
