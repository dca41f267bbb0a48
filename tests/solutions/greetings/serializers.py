from rest_framework import serializers

from accounts.serializers import StrictSerializer


class GreetingSerializer(StrictSerializer):
    text = serializers.CharField(max_length=200)
