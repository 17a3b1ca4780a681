// All settings of the app in one resource: it replaces whatever was set elsewhere, in the portal or by a command.

import { graphAccess, optionalSettings } from 'types.bicep'

param appName string
param identityName string
param storageName string
param queueName string
param vaultName string
param componentName string
param graph graphAccess
param options optionalSettings

@description('Whether the vault has the key that signed client states before.')
param hasPreviousKey bool

var ownIdentity = graph.signIn == 'managedIdentity'
var storage = environment().suffixes.storage

// Outside of the public cloud the host does not find an account by its name.
var serviceUris = graph.cloud == 'global'
  ? {}
  : {
      AzureWebJobsStorage__blobServiceUri: 'https://${storageName}.blob.${storage}'
      AzureWebJobsStorage__queueServiceUri: 'https://${storageName}.queue.${storage}'
      AzureWebJobsStorage__tableServiceUri: 'https://${storageName}.table.${storage}'
    }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(serviceUris, {
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
    AUDIT_EVERY: options.auditEvery
    AZURE_CLIENT_ID: identity.properties.clientId
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__clientId: identity.properties.clientId
    AzureWebJobsStorage__credential: 'managedidentity'
    CLIENT_CERTIFICATE_NAME: graph.signIn == 'certificate' ? graph.certificateName : ''
    CLIENT_ID: ownIdentity ? identity.properties.clientId : graph.clientId
    CLIENT_SECRET: graph.signIn == 'secret'
      ? '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/client-secret)'
      : ''
    CLIENT_STATE_KEY: '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/client-state-key)'
    CLIENT_STATE_KEY_PREVIOUS: hasPreviousKey
      ? '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/client-state-key-previous)'
      : ''
    DEDUPLICATE_FOR: options.deduplicateFor
    ENCRYPTION_CERTIFICATE_NAME: 'graph-notifications'
    EVENT_SINK: 'queue:${queueName}'
    FEDERATED_IDENTITY_CLIENT_ID: graph.signIn == 'federated' ? identity.properties.clientId : ''
    GRAPH_CHANGE_TRACKING_APP_ID: options.changeTrackingAppId
    GRAPH_CLOUD: graph.cloud
    GRAPH_URL: options.graphUrl
    KEY_VAULT_URL: vault.properties.vaultUri
    LOGIN_URL: options.loginUrl
    NOTIFICATION_URL: 'https://${app.properties.defaultHostName}/api/ReceiveNotification'
    RENEW_AFTER: options.renewAfter
    RENEW_SCHEDULE: '0 */5 * * * *'
    SUBSCRIPTION_LIFETIME: options.subscriptionLifetime
    TENANT_IDS: graph.tenantIds
  })
}

output notificationUrl string = 'https://${app.properties.defaultHostName}/api/ReceiveNotification'
