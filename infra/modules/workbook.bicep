// The workbook: seven tiles of what the log says, each from a query of its own.
// Source: https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-automate

param workspaceName string
param location string
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

var tiles = [
  { title: 'Health', query: loadTextContent('../queries/tile-health.kql'), visualization: 'table' }
  { title: 'Subscriptions', query: loadTextContent('../queries/tile-subscriptions.kql'), visualization: 'timechart' }
  {
    title: 'Notifications a minute'
    query: loadTextContent('../queries/tile-notifications.kql')
    visualization: 'timechart'
  }
  { title: 'Answers', query: loadTextContent('../queries/tile-answers.kql'), visualization: 'timechart' }
  { title: 'Waiting', query: loadTextContent('../queries/tile-waiting.kql'), visualization: 'timechart' }
  { title: 'Gaps', query: loadTextContent('../queries/tile-gaps.kql'), visualization: 'timechart' }
  { title: 'Failures', query: loadTextContent('../queries/tile-failures.kql'), visualization: 'table' }
]

// Of a workbook's items: 9 are parameters, 3 is a query. Of parameters: 4 is a range of time.
var range = {
  type: 9
  name: 'range'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time'
        type: 4
        isRequired: true
        value: { durationMs: 86400000 }
        typeSettings: { selectableValues: map([3600000, 14400000, 86400000, 604800000], each => { durationMs: each }) }
      }
    ]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: 'Teams change notifications'
    sourceId: workspace.id
    serializedData: string({
      version: 'Notebook/1.0'
      fallbackResourceIds: [workspace.id]
      items: concat(
        [range],
        map(tiles, tile => {
          type: 3
          name: tile.title
          content: {
            version: 'KqlItem/1.0'
            title: tile.title
            query: tile.query
            visualization: tile.visualization
            size: 1
            queryType: 0
            resourceType: 'microsoft.operationalinsights/workspaces'
            crossComponentResources: [workspace.id]
            timeContextFromParameter: 'TimeRange'
          }
        })
      )
    })
  }
}
