// The whole deployment: `azd up` uses it, and so does `az deployment sub create`. docs/deploy.md explains the parameters.

import { graphAccess, optionalSettings, scaleLimits } from 'modules/types.bicep'

targetScope = 'subscription'

@minLength(1)
@maxLength(40)
param environmentName string

param location string

@description('Who deploys, as an object id: the hooks make a certificate and a key. Empty: nobody gets these roles.')
param principalId string

@description('What that is: a person, a pipeline or a group.')
param principalType 'Group' | 'ServicePrincipal' | 'User'

param graph graphAccess

@description('Whether people sign in (docs/delegated.md).')
param usersSignIn bool

@description('Whether the vault has the secret client-state-key-previous.')
param hasPreviousKey bool

param queueName string

@minValue(1)
param eventDataDays int

param purgeProtection bool

@description('Whether the vault is one that was deleted before.')
param recoverVault bool

param useVirtualNetwork bool

@description('With a virtual network: addresses from which operators and consumers reach storage and vault, as in 203.0.113.0/24.')
param operatorIpRanges string[]

@description('Where alerts are sent. Empty: they are shown in the portal, and nobody is told.')
param alertEmail string

param scale scaleLimits
param options optionalSettings

var token = uniqueString(subscription().id, environmentName, location)
var names = {
  alerts: 'id-alerts-${token}'
  // The host's locks go by the first 32 characters: the part that differs comes first.
  app: 'func-${token}-${environmentName}'
  component: 'appi-${token}'
  identity: 'id-${token}'
  network: 'vnet-${token}'
  plan: 'plan-${token}'
  storage: 'st${token}'
  vault: 'kv-${token}'
  workspace: 'log-${token}'
}
var tags = { 'azd-env-name': environmentName }
var network = {
  defaultAction: useVirtualNetwork ? 'Deny' : 'Allow'
  bypass: 'AzureServices'
  ipRules: map(operatorIpRanges, range => { value: range })
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: { workspaceName: names.workspace, componentName: names.component, location: location, tags: tags }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: names.storage
    location: location
    tags: tags
    queueName: queueName
    eventDataDays: eventDataDays
    network: network
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: {
    name: names.vault
    location: location
    tags: tags
    network: network
    purgeProtection: purgeProtection
    recover: recoverVault
    workspaceName: names.workspace
  }
}

module appRoles 'modules/app-roles.bicep' = {
  scope: group
  dependsOn: [identity, monitoring, storage, vault]
  params: {
    identityName: names.identity
    storageName: names.storage
    queueName: queueName
    vaultName: names.vault
    componentName: names.component
    usersSignIn: usersSignIn
  }
}

module deployerRoles 'modules/deployer-roles.bicep' = if (!empty(principalId)) {
  scope: group
  dependsOn: [monitoring, storage, vault]
  params: {
    principalId: principalId
    principalType: principalType
    storageName: names.storage
    vaultName: names.vault
    workspaceName: names.workspace
  }
}

module privateNetwork 'modules/network.bicep' = if (useVirtualNetwork) {
  scope: group
  dependsOn: [storage, vault]
  params: {
    name: names.network
    location: location
    tags: tags
    storageName: names.storage
    vaultName: names.vault
  }
}

module app 'modules/app.bicep' = {
  scope: group
  // A host without its role at storage finds no function, and says so nowhere.
  dependsOn: [appRoles, privateNetwork]
  params: {
    name: names.app
    planName: names.plan
    location: location
    tags: tags
    identityName: names.identity
    storageName: names.storage
    scale: scale
    networkName: useVirtualNetwork ? names.network : ''
    workspaceName: names.workspace
  }
}

module appSettings 'modules/app-settings.bicep' = {
  scope: group
  dependsOn: [app]
  params: {
    appName: names.app
    identityName: names.identity
    storageName: names.storage
    queueName: queueName
    vaultName: names.vault
    componentName: names.component
    graph: graph
    options: options
    hasPreviousKey: hasPreviousKey
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: {
    workspaceName: names.workspace
    identityName: names.alerts
    location: location
    tags: tags
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: { workspaceName: names.workspace, location: location, tags: tags }
}

// In other clouds there are other places to call from.
module availability 'modules/availability.bicep' = if (graph.cloud == 'global') {
  scope: group
  params: {
    componentName: names.component
    notificationUrl: appSettings.outputs.notificationUrl
    location: location
    tags: tags
    actionGroups: alerts.outputs.actionGroups
  }
}

// azd keeps these for the hooks, under these very names.
output AZURE_APP_NAME string = names.app
output AZURE_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output AZURE_PRINCIPAL_ID string = principalId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_STORAGE_NAME string = names.storage
output AZURE_VAULT_NAME string = names.vault
output AZURE_WORKSPACE_NAME string = names.workspace
output EVENT_QUEUE string = queueName
output NOTIFICATION_URL string = appSettings.outputs.notificationUrl
output SIGN_IN string = graph.signIn
