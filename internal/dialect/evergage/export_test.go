package evergage

// AppendRow lets tests write rows of a CSV without a whole job.
var AppendRow = appendRow
