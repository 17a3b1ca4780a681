// What main.bicepparam gives where nothing but the required values is set.

using '../main.bicep'

param environmentName = 'teams'
param location = 'westeurope'
param principalId = '66666666-6666-4666-8666-666666666666'
param principalType = 'User'
param graph = {
  signIn: 'federated'
  clientId: '22222222-2222-4222-8222-222222222222'
  tenantIds: '11111111-1111-4111-8111-111111111111'
  cloud: 'global'
  certificateName: ''
}
param usersSignIn = false
param hasPreviousKey = false
param queueName = 'teams-events'
param eventDataDays = 30
param purgeProtection = true
param recoverVault = false
param useVirtualNetwork = false
param operatorIpRanges = []
param alertEmail = ''
param scale = { instanceMemoryMB: 2048, alwaysReady: 1, maximumInstanceCount: 40 }
param options = {
  auditEvery: ''
  changeTrackingAppId: ''
  deduplicateFor: ''
  graphUrl: ''
  loginUrl: ''
  renewAfter: ''
  subscriptionLifetime: ''
}
