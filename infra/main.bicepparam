// What azd takes from its environment: `azd env set NAME value`. docs/deploy.md has a table of the names.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param principalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param principalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')
param graph = {
  signIn: readEnvironmentVariable('SIGN_IN', 'federated')
  clientId: readEnvironmentVariable('CLIENT_ID', '')
  tenantIds: readEnvironmentVariable('TENANT_IDS')
  cloud: readEnvironmentVariable('GRAPH_CLOUD', 'global')
  certificateName: readEnvironmentVariable('CLIENT_CERTIFICATE_NAME', '')
}
param usersSignIn = bool(readEnvironmentVariable('USERS_SIGN_IN', 'false'))
param hasPreviousKey = bool(readEnvironmentVariable('HAS_PREVIOUS_KEY', 'false'))
param queueName = readEnvironmentVariable('EVENT_QUEUE', 'teams-events')
param eventDataDays = int(readEnvironmentVariable('EVENT_DATA_DAYS', '30'))
param purgeProtection = bool(readEnvironmentVariable('PURGE_PROTECTION', 'true'))
param recoverVault = bool(readEnvironmentVariable('RECOVER_VAULT', 'false'))
param useVirtualNetwork = bool(readEnvironmentVariable('VIRTUAL_NETWORK', 'false'))
param operatorIpRanges = empty(readEnvironmentVariable('OPERATOR_IP_RANGES', ''))
  ? []
  : split(readEnvironmentVariable('OPERATOR_IP_RANGES', ''), ',')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param scale = {
  instanceMemoryMB: int(readEnvironmentVariable('INSTANCE_MEMORY_MB', '2048'))
  alwaysReady: int(readEnvironmentVariable('ALWAYS_READY', '1'))
  maximumInstanceCount: int(readEnvironmentVariable('MAXIMUM_INSTANCE_COUNT', '40'))
}
param options = {
  auditEvery: readEnvironmentVariable('AUDIT_EVERY', '')
  changeTrackingAppId: readEnvironmentVariable('GRAPH_CHANGE_TRACKING_APP_ID', '')
  deduplicateFor: readEnvironmentVariable('DEDUPLICATE_FOR', '')
  graphUrl: readEnvironmentVariable('GRAPH_URL', '')
  loginUrl: readEnvironmentVariable('LOGIN_URL', '')
  renewAfter: readEnvironmentVariable('RENEW_AFTER', '')
  subscriptionLifetime: readEnvironmentVariable('SUBSCRIPTION_LIFETIME', '')
}
