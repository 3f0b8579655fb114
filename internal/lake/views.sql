-- The lake as views for DuckDB (1.2 or later). Run it again to see what came
-- since: which files count stands in the manifest, and it is read here.
SET VARIABLE lake = '{{ROOT}}';
CREATE OR REPLACE TEMP TABLE lake_manifest AS
  SELECT object, getvariable('lake') || '/' || path AS path
  FROM (SELECT unnest(files, recursive := true) FROM read_json(getvariable('lake') || '/manifest.json', maximum_object_size = 1073741824));

{{OBJECTS}}
-- To whom a device belongs by now.
CREATE OR REPLACE TEMP VIEW current_links AS
  SELECT * FROM identity_links QUALIFY row_number() OVER (PARTITION BY deviceId ORDER BY _position DESC, lastSeen DESC) = 1;

-- One row for each person, as written last. A profile id of before a merge is
-- that of a device: current_links leads to the present one.
CREATE OR REPLACE TEMP VIEW current_users AS
  SELECT coalesce(l.profileId, u.profileId) AS profileId, u.* EXCLUDE (profileId)
  FROM users u LEFT JOIN current_links l ON l.deviceId = u.homeId
  QUALIFY row_number() OVER (PARTITION BY coalesce(l.profileId, u.profileId) ORDER BY u._position DESC, u.lastModified DESC) = 1;

-- Every event with what all kinds have.
CREATE OR REPLACE TEMP VIEW events AS
  SELECT 'base' AS object, * EXCLUDE (action, properties) FROM base_events
  UNION ALL BY NAME SELECT 'catalog' AS object, * EXCLUDE (itemType, itemId) FROM catalog_events
  UNION ALL BY NAME SELECT 'cart' AS object, * EXCLUDE (cartId, currency) FROM cart_events
  UNION ALL BY NAME SELECT 'order' AS object, * EXCLUDE (orderId, totalValue, currency) FROM order_events;

-- Every event with the person: what the event does not say, the users row does.
CREATE OR REPLACE TEMP VIEW events_with_users AS
  SELECT e.object, e.eventId, e.dateTime, e.eventType, e.interactionName, e.sourceChannel, e.deviceId,
    coalesce(u.profileId, l.profileId, e.deviceId) AS profileId,
    coalesce(e.emailAddress, u.emailAddress) AS emailAddress, coalesce(e.customerId, u.customerId) AS customerId,
    e.emailAddress AS eventEmailAddress, e.customerId AS eventCustomerId,
    u.sfmcContactKey, u.isAnonymous, u.attributes, u.lastModified, e._position
  FROM events e
  LEFT JOIN current_links l ON l.deviceId = e.deviceId
  LEFT JOIN current_users u ON u.profileId = coalesce(l.profileId, e.deviceId);
