// A page of a commerce site that sends to Data Cloud.
import { initDataCloudSdk } from '@salesforce/cc-datacloud-typescript'

window.sendToDataCloud = (source, interaction) => initDataCloudSdk('shop', source).webEventsAppSourceIdPost(interaction)
