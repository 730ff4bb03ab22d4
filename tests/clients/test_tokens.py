"""Programs log in with personal access tokens instead of passwords."""

import os
from collections.abc import Callable, Iterator

import pytest
from cvat_sdk import Client, models
from cvat_sdk.api_client import exceptions
from cvat_sdk.core.client import AccessTokenCredentials


@pytest.fixture
def token(client: Client) -> Iterator[Callable[..., models.AccessTokenRead]]:
    """Make a token, and revoke it after the test."""
    made: list[int] = []

    def make(**fields) -> models.AccessTokenRead:
        request = models.AccessTokenWriteRequest(name="clients", **fields)
        created, _ = client.api_client.auth_api.create_access_tokens(request)
        made.append(created.id)
        return created

    yield make
    for number in made:
        client.api_client.auth_api.destroy_access_tokens(number)


def test_a_token_for_reading_reads(token):
    created = token()
    with Client(os.environ["FRAMEMILL_URL"]) as reader:
        reader.login(AccessTokenCredentials(created.value))
        assert reader.users.retrieve_current_user().username == os.environ["FRAMEMILL_USER"]
        own, _ = reader.api_client.auth_api.retrieve_access_tokens_self()
        assert (own.id, own.read_only) == (created.id, True)
        with pytest.raises(exceptions.ForbiddenException):
            reader.tasks.create(models.TaskWriteRequest(name="clients", labels=[]))


def test_a_token_for_writing_creates(client, token):
    with Client(os.environ["FRAMEMILL_URL"]) as writer:
        writer.login(AccessTokenCredentials(token(read_only=False).value))
        task = writer.tasks.create(models.TaskWriteRequest(name="clients", labels=[]))
    client.tasks.remove_by_ids([task.id])


def test_a_revoked_token_is_refused(client):
    request = models.AccessTokenWriteRequest(name="clients")
    created, _ = client.api_client.auth_api.create_access_tokens(request)
    client.api_client.auth_api.destroy_access_tokens(created.id)
    with Client(os.environ["FRAMEMILL_URL"]) as stranger:
        stranger.login(AccessTokenCredentials(created.value))
        with pytest.raises(exceptions.UnauthorizedException):
            stranger.users.retrieve_current_user()
