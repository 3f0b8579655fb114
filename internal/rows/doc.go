// Package rows is what the keepers of rows share: decoded rows in memory within
// a budget, rows that are changed and not committed yet, and the reading of
// compact forms. It never commits and never knows what a row means.
package rows
