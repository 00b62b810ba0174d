"""API of people: tokens, who am I, users (staff)."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordError
from django.db.models import QuerySet
from django.db.models.signals import pre_save
from django.dispatch import receiver
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, mixins, permissions, serializers, status, throttling, views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt import views as jwt
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from alphapanda.api import Given, Row, Rows, user_of


class Login(jwt.TokenObtainPairView):
    throttle_classes = [throttling.ScopedRateThrottle]
    throttle_scope = "login"


class Refresh(jwt.TokenRefreshView):
    """Gives a new pair; the old refresh token is worth nothing from then on."""


class Logout(jwt.TokenBlacklistView):
    """Whoever holds the refresh token may end it."""


@receiver(pre_save, sender=OutstandingToken)
def _keep_no_token(instance: OutstandingToken, **_: object) -> None:
    """Its id is enough to refuse it; a copy of the database must not let anybody in."""
    instance.token = ""


class UserRow(Row):
    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "last_name", "is_active", "is_staff", "date_joined"]
        read_only_fields = fields


class UserChange(Given, serializers.ModelSerializer[User]):
    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields = ["username", "email", "first_name", "last_name", "is_active", "is_staff", "password"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        super().validate(attrs)
        if "password" in attrs:
            self._validate_password(attrs)
        return attrs

    def validate_is_staff(self, value: bool) -> bool:
        is_change = value != getattr(self.instance, "is_staff", False)
        if is_change and not user_of(self.context["request"]).is_superuser:
            raise exceptions.ValidationError("only a superuser changes who is staff")
        return value

    def _validate_password(self, attrs: dict[str, Any]) -> None:
        """Against the name and the address as they will be."""
        names = {name: value for name, value in attrs.items() if name in ("username", "email")}
        person = User(**{"username": getattr(self.instance, "username", ""), **names})
        try:
            validate_password(attrs["password"], person)
        except PasswordError as error:
            raise exceptions.ValidationError({"password": error.messages}) from None


class Me(views.APIView):
    @extend_schema(responses=UserRow)
    def get(self, request: Request) -> Response:
        return Response(UserRow(user_of(request)).data)


class Users(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """Nobody is deleted: a person who left is not active. Superusers are changed by superusers only."""

    queryset = User.objects.order_by("id")
    serializer_class = UserRow
    filterset_fields = ["username", "is_active"]
    permission_classes = [permissions.IsAdminUser]
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[User]:
        users = super().get_queryset()
        is_reading = self.request.method in permissions.SAFE_METHODS
        return users if is_reading or user_of(self.request).is_superuser else users.filter(is_superuser=False)

    @extend_schema(request=UserChange, responses={201: UserRow})
    def create(self, request: Request) -> Response:
        given = UserChange(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        return Response(UserRow(User.objects.create_user(**given.validated_data)).data, status.HTTP_201_CREATED)

    @extend_schema(request=UserChange, responses=UserRow)
    def partial_update(self, request: Request, pk: int) -> Response:
        user = self.get_object()
        given = UserChange(user, data=request.data, partial=True, context={"request": request})
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if "password" in values:
            values["password"] = make_password(values["password"])
        User.objects.filter(pk=user.pk).update(**values)
        return Response(UserRow(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Deactivates: tokens and sessions of this person end at once."""
        User.objects.filter(pk=self.get_object().pk).update(is_active=False)
        return Response(status=status.HTTP_204_NO_CONTENT)
