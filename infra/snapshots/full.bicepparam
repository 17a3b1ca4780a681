// Everything that can be turned on.

using '../main.bicep'

param environmentName = 'teams'
param location = 'westeurope'
param principalId = '66666666-6666-4666-8666-666666666666'
param principalType = 'ServicePrincipal'
param graph = {
  signIn: 'certificate'
  clientId: '22222222-2222-4222-8222-222222222222'
  tenantIds: '11111111-1111-4111-8111-111111111111,44444444-4444-4444-8444-444444444444'
  cloud: 'global'
  certificateName: 'graph-sign-in'
}
param usersSignIn = true
param hasPreviousKey = true
param queueName = 'changes'
param eventDataDays = 90
param purgeProtection = false
param recoverVault = true
param useVirtualNetwork = true
param operatorIpRanges = ['203.0.113.0/24']
param alertEmail = 'operators@example.com'
param scale = { instanceMemoryMB: 4096, alwaysReady: 2, maximumInstanceCount: 100 }
param options = {
  auditEvery: 'P2D'
  changeTrackingAppId: '55555555-5555-4555-8555-555555555555'
  deduplicateFor: 'PT8H'
  graphUrl: 'https://graph.proxy.example'
  loginUrl: 'https://login.proxy.example'
  renewAfter: 'PT20M'
  subscriptionLifetime: 'P1D'
}
