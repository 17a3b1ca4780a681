"""The command that grants the app its role at an event hub."""

from cli.doctor.roles import role_remedies

REFUSAL = (
    "the event hub changes in contoso.servicebus.windows.net refuses the app's identity "
    "11111111-2222-4333-8444-555555555555 (client id 1, tenant 2): grant it the role Azure Event Hubs Data Sender on "
    "contoso.servicebus.windows.net, and let it through the firewall there"
)


def test_refusal_of_a_hub_names_the_command_for_its_namespace() -> None:
    command, _ = role_remedies(REFUSAL)
    assert command == (
        "az role assignment create --assignee-object-id 11111111-2222-4333-8444-555555555555 "
        '--role "Azure Event Hubs Data Sender" --scope $(az resource list --name contoso '
        "--resource-type Microsoft.EventHub/namespaces --query [0].id --output tsv)"
    )
