// Types that several modules share.

@export()
@description('Who reaches storage and vault over the network.')
type networkRules = {
  defaultAction: 'Allow' | 'Deny'
  bypass: 'AzureServices'
  ipRules: { value: string }[]
}

@export()
@description('How the app signs in to Graph. managedIdentity is for notifications without resource data.')
type signIn = 'federated' | 'certificate' | 'secret' | 'managedIdentity'

@export()
@description('The registration in Entra ID, and how the app signs in with it.')
type graphAccess = {
  signIn: signIn

  @description('Application id of the registration; with managedIdentity, the identity takes its place.')
  clientId: string

  @description('The tenants served, separated by commas.')
  tenantIds: string

  @description('global, usgov, dod or china.')
  cloud: string

  @description('The certificate in the vault, if the app signs in with one.')
  certificateName: string
}

@export()
@description('Settings of the app that have a default of their own if they are empty; docs/configuration.md explains them.')
type optionalSettings = {
  auditEvery: string
  changeTrackingAppId: string
  deduplicateFor: string
  graphUrl: string
  loginUrl: string
  renewAfter: string
  subscriptionLifetime: string
}

@export()
@description('How many instances, and how large. Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan')
type scaleLimits = {
  @description('512, 2048 or 4096.')
  instanceMemoryMB: int

  @description('Instances for requests that always run, so that a notification meets no cold start; each is paid for.')
  @minValue(0)
  @maxValue(20)
  alwaysReady: int

  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int
}
