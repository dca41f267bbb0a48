"""The accounts calls: sign in, renew, who am I, and one's API keys."""

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import environment_keys, registration, services, tokens
from accounts.authentication import caller
from accounts.models import ApiKey, Scope
from accounts.permissions import ANY_CREDENTIAL
from accounts.serializers import (
    ApiKeyAnswer,
    ApiKeyCreated,
    ApiKeyRequest,
    LoginRequest,
    MeAnswer,
    RefreshRequest,
    RegisteredAnswer,
    RegisterRequest,
    TokenAnswer,
)
from accounts.sign_in import sign_in
from accounts.strict_json import require_body


class RegisterView(APIView):
    """Make an account for oneself, unless this platform does not allow it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="auth_register",
        tags=["auth"],
        request=RegisterRequest,
        responses={201: RegisteredAnswer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        registration.require_open()
        require_body(request, self)
        body = RegisterRequest(data=request.data)
        body.is_valid(raise_exception=True)
        user = registration.register(**body.validated_data)
        return Response(RegisteredAnswer(user).data, status=status.HTTP_201_CREATED)


class LoginView(APIView):
    """Sign in with an e-mail address (or username) and a password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_login", tags=["auth"], request=LoginRequest, responses=TokenAnswer, auth=[])
    def post(self, request: Request) -> Response:
        require_body(request, self)
        body = LoginRequest(data=request.data)
        body.is_valid(raise_exception=True)
        user = sign_in(**body.validated_data, door="api", request=request._request)
        return _token_response(tokens.issue(user))


class RefreshView(APIView):
    """Exchange a refresh token for new tokens. It is good for one use; a second one ends the sign-in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_refresh", tags=["auth"], request=RefreshRequest, responses=TokenAnswer, auth=[])
    def post(self, request: Request) -> Response:
        require_body(request, self)
        body = RefreshRequest(data=request.data)
        body.is_valid(raise_exception=True)
        return _token_response(tokens.rotate(body.validated_data["refresh"]))


class LogoutView(APIView):
    """End a sign-in: its refresh token and its access tokens no longer work."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_logout", tags=["auth"], request=RefreshRequest, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        require_body(request, self)
        body = RefreshRequest(data=request.data)
        body.is_valid(raise_exception=True)
        tokens.end(body.validated_data["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """The account behind the credential."""

    scopes = ANY_CREDENTIAL

    @extend_schema(operation_id="auth_me", tags=["auth"], responses=MeAnswer)
    def get(self, request: Request) -> Response:
        return Response(MeAnswer(caller(request).user).data)


@extend_schema_view(list=extend_schema(operation_id="api_keys_list"))
@extend_schema(tags=["api-keys"])
class ApiKeyViewSet(mixins.ListModelMixin, GenericViewSet[ApiKey]):
    """One's own API keys; those of everybody for who may manage them."""

    serializer_class = ApiKeyAnswer
    queryset = ApiKey.objects.none()
    scopes = {"list": Scope.ADMIN, "create": Scope.ADMIN, "destroy": Scope.ADMIN}

    def get_queryset(self) -> QuerySet[ApiKey]:
        environment_keys.sync()
        keys = ApiKey.objects.select_related("owner").order_by("-created_at", "id")
        user = caller(self.request).user
        return keys if user.has_perm(services.MANAGE_KEYS) else keys.filter(owner=user)

    @extend_schema(operation_id="api_keys_create", request=ApiKeyRequest, responses={201: ApiKeyCreated})
    def create(self, request: Request) -> Response:
        """Make a key. Its text is in this answer only."""
        body = ApiKeyRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = dict(body.validated_data)
        principal = caller(request)
        key, text = services.create_key(
            by=principal.user,
            owner=principal.user,
            model_names=asked.pop("models", []),
            within=principal,
            **asked,
        )
        return Response(ApiKeyCreated(key, context={"key": text}).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="api_keys_revoke", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke a key. It stays in the list, with the moment it ended."""
        services.revoke_key(by=caller(request).user, key=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _token_response(pair: tokens.TokenPair) -> Response:
    return Response(asdict(pair), headers={"Cache-Control": "no-store"})
