"""Ids of a tenant and a subscription, roles in Azure, and Graph's permissions."""

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
IDENTITY = "77777777-7777-4777-8777-777777777777"
GRAPH_ID = "99999999-9999-4999-8999-999999999999"
DEPLOYER = "deployer@example.com"
OWNER = {"actions": ["*"], "notActions": []}
CONTRIBUTOR = {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"]}
ACCESS_ADMINISTRATOR = {"actions": ["*/read", "Microsoft.Authorization/*"], "notActions": []}
ROLES = (
    "Channel.ReadBasic.All",
    "ChannelMember.Read.All",
    "ChannelMessage.Read.All",
    "Chat.Read.All",
    "Chat.ReadBasic.All",
    "ChatMember.Read.All",
    "Team.ReadBasic.All",
    "TeamMember.Read.All",
    "User.Read.All",
)
