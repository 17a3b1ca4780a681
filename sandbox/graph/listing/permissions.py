"""The permissions of lists, least privileged first, without those of resource-specific consent.

Source: https://learn.microsoft.com/en-us/graph/permissions-reference
"""

CHAT_MEMBERS = (
    "ChatMember.Read.All",
    "ChatMember.ReadWrite.All",
    "Chat.ReadBasic.All",
    "Chat.Read.All",
    "Chat.ReadWrite.All",
)
CHAT_MEMBERS_OF_USER = ("Chat.ReadBasic", "ChatMember.Read", "ChatMember.ReadWrite", "Chat.Read", "Chat.ReadWrite")
CHANNEL_MEMBERS = ("ChannelMember.Read.All", "ChannelMember.ReadWrite.All")
CHANNELS = ("Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All")
# Only for compatibility with older apps.
OF_GROUPS = ("Directory.Read.All", "Directory.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All")
TEAM_MEMBERS = ("TeamMember.Read.All", "TeamMember.ReadWrite.All")
TEAMS = ("Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All")
USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
CHATS = ("Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All")
CHATS_OF_USER = ("Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite")
CHAT_MESSAGES = ("Chat.Read.All", "Chat.ReadWrite.All")
CHAT_MESSAGES_OF_USER = ("Chat.Read", "Chat.ReadWrite")
CHANNEL_MESSAGES = ("ChannelMessage.Read.All",)
