"""Bodies of the accounts calls, as the OpenAPI schema shows them."""

from typing import Any

from rest_framework import serializers

from accounts.errors import UnknownField
from accounts.models import ApiKey, Scope, User

MAX_PASSWORD_LENGTH = 4096


class StrictSerializer(serializers.Serializer[Any]):
    """The base of every request body: a field it does not know is refused, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(str(name) for name in data if name not in known):
                where = _path_of(self)
                names = [f"{where}.{name}"[:100] if where else name[:100] for name in unknown[:20]]
                raise UnknownField(f"Unknown: {', '.join(names)}.", details={"fields": names})
        return super().to_internal_value(data)


def _path_of(serializer: serializers.BaseSerializer[Any]) -> str:
    """Where a serializer stands inside the body, such as `transaction`; empty at the top."""
    names: list[str] = []
    field: Any = serializer
    while field is not None:
        if field.field_name:
            names.insert(0, field.field_name)
        field = field.parent
    return ".".join(names)


class LoginRequest(StrictSerializer):
    """The e-mail address or the username, and the password."""

    email = serializers.CharField(max_length=254, required=False)
    username = serializers.CharField(max_length=150, required=False)
    password = serializers.CharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("email" in attrs) == ("username" in attrs):
            raise serializers.ValidationError("Give either email or username.")
        return attrs


class RegisterRequest(StrictSerializer):
    """A new account. Without a username, the e-mail address is the username too."""

    email = serializers.EmailField(max_length=254)
    username = serializers.CharField(max_length=150, required=False)
    password = serializers.CharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)


class RegisteredAnswer(serializers.ModelSerializer[User]):
    """The account that was made."""

    class Meta:
        model = User
        fields = ("id", "email", "username")
        read_only_fields = fields


class RefreshRequest(StrictSerializer):
    """The refresh token that the last answer gave."""

    refresh = serializers.CharField()


class TokenAnswer(serializers.Serializer[Any]):
    """`expires_in` is the life of the access token in seconds."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField()


class MeAnswer(serializers.ModelSerializer[User]):
    """The account behind the credential."""

    groups = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "email", "username", "groups", "permissions")
        read_only_fields = fields

    def get_permissions(self, user: User) -> list[str]:
        return sorted(user.get_all_permissions())


class ApiKeyRequest(StrictSerializer):
    """What a new key may do, for which models, until when, how often."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=20)
    models = serializers.ListField(child=serializers.CharField(max_length=64), max_length=100, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    rate_limit = serializers.IntegerField(min_value=0, max_value=1_000_000_000, required=False, allow_null=True)


class ApiKeyAnswer(serializers.ModelSerializer[ApiKey]):
    """A key without its secret."""

    owner = serializers.CharField(source="owner.email")
    scopes = serializers.ListField(child=serializers.CharField())
    models = serializers.ListField(child=serializers.CharField(), source="model_names")

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "prefix",
            "name",
            "owner",
            "scopes",
            "models",
            "rate_limit",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        )
        read_only_fields = fields


class ApiKeyCreated(ApiKeyAnswer):
    """A new key with its text, which is not shown again."""

    key = serializers.SerializerMethodField()

    class Meta(ApiKeyAnswer.Meta):
        fields = (*ApiKeyAnswer.Meta.fields, "key")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_key(self, key: ApiKey) -> str:
        return str(self.context["key"])
