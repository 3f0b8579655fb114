package app

import (
	"context"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/columns"
	"rapport/internal/config"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
	"rapport/internal/store/embedded"
	"rapport/internal/telemetry"
)

// gcPercent lets the heap grow to several times what is live before it is
// collected: most of what a request makes is garbage at once, and the memory
// limit makes the collector run sooner where there is no room for that.
const gcPercent = 400

// LimitMemory makes Go's collector keep the process within its budget.
func LimitMemory(b config.Budget) {
	limit := b.GoLimit
	if !embedded.OffHeap {
		limit = b.Total - b.Outside
	}
	debug.SetMemoryLimit(int64(limit))
	debug.SetGCPercent(gcPercent)
}

// observe registers what is measured by asking.
func (a *App) observe() {
	a.describe()
	a.metrics.Register(&ledger{a.pipeline, a.quota})
}

// describe registers the gauges, which read nothing before they are asked.
func (a *App) describe() {
	for _, share := range a.budget.Shares() {
		a.metrics.Gauge("rapport_memory_budget_bytes", "Share of the memory limit.",
			telemetry.Labels{"share": share.Name}, func() float64 { return float64(share.Size) })
	}
	a.metrics.Gauge("rapport_log_failing", "1 while the log cannot be written: reads go on, writes are answered 503.", nil, func() float64 {
		if a.pipeline != nil && a.pipeline.Failing() != "" {
			return 1
		}
		return 0
	})
	a.metrics.Gauge("rapport_ready", "1 while the instance serves.", nil, func() float64 {
		if a.ready() != nil {
			return 0
		}
		return 1
	})
	a.metrics.Counter("rapport_http_throttled_total", "Tracking requests answered 429 because too many were under way.", nil,
		func() float64 { return float64(a.throttle.refused.Load()) })
	a.metrics.Counter("rapport_http_retries_total", "Tracking requests that their clients said they had sent before (X-Retry-Count).", nil,
		func() float64 { return float64(a.throttle.retried.Load()) })
	a.metrics.Counter("rapport_decisions_lost_total", "Decisions that were shown but could not be written down.", nil,
		func() float64 {
			if a.responder == nil {
				return 0
			}
			return float64(a.responder.Lost())
		})
	a.metrics.Gauge("rapport_columns_bytes", "Memory that the columnar index takes.", nil, func() float64 { return float64(a.columns().Bytes) })
	a.metrics.Gauge("rapport_columns_people", "People in the columnar index.", nil, func() float64 { return float64(a.columns().People) })
	a.metrics.Gauge("rapport_columns_suspects", "People whose columns wait to be brought up to date.", nil,
		func() float64 { return float64(a.columns().Suspect) })
	a.metrics.Gauge("rapport_suppressed_bytes", "Memory that suppression lists take, of the share of people.", nil, func() float64 {
		if a.pipeline == nil {
			return 0
		}
		return float64(a.pipeline.SuppressedBytes())
	})
	a.observeLake()
	a.observeTables()
	a.observeHealth()
	a.metrics.Gauge("rapport_log_bytes", "Bytes of the log on disk.", nil, func() float64 { return float64(a.store.Log().Size()) })
	a.metrics.Gauge("rapport_state_bytes", "Bytes of the state on disk.", nil, func() float64 { return float64(a.store.State().Size()) })
}

// columns measures the columnar index.
func (a *App) columns() columns.Stats {
	if a.pipeline == nil {
		return columns.Stats{}
	}
	return a.pipeline.ColumnStats()
}

// ledger gives the accounting as metrics, all of one moment.
type ledger struct {
	pipeline *pipeline.Pipeline
	quota    *quota.Gate
}

var (
	receivedDesc = prometheus.NewDesc("rapport_events_received_total", "Events handed over with a valid key.", nil, nil)
	columnDesc   = prometheus.NewDesc("rapport_events", "Where the received events are; the columns add up to them.", []string{"column"}, nil)
	droppedDesc  = prometheus.NewDesc("rapport_identifiers_dropped_total", "Identifiers of stored events that do not count, by reason.", []string{"reason"}, nil)
	oversizeDesc = prometheus.NewDesc("rapport_identity_oversized_total", "How often a component of the identity graph was too large to be resolved at once.", nil, nil)
	changesDesc  = prometheus.NewDesc("rapport_identity_changes_total", "Merges and splits of people.", []string{"kind"}, nil)
	limitedDesc  = prometheus.NewDesc("rapport_source_limited_events_total", "Events answered 429 for the limits of a source or its write keys; each attempt counts.", []string{"source"}, nil)
	reasonDesc   = prometheus.NewDesc("rapport_refused_events", "Dead letters and rejections by reason.", []string{"reason"}, nil)
)

// Describe lists the ledger's metrics.
func (l *ledger) Describe(out chan<- *prometheus.Desc) {
	out <- receivedDesc
	out <- columnDesc
	out <- reasonDesc
	out <- droppedDesc
	out <- oversizeDesc
	out <- limitedDesc
	out <- changesDesc
}

// Collect reads the accounting. Reasons are codes of the program, so there are
// few of them.
func (l *ledger) Collect(out chan<- prometheus.Metric) {
	l.collectIdentity(out)
	for source, n := range l.quota.Refused() {
		out <- prometheus.MustNewConstMetric(limitedDesc, prometheus.CounterValue, float64(n), source)
	}
	sums, err := l.pipeline.Accounting(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(receivedDesc, err)
		return
	}
	out <- prometheus.MustNewConstMetric(receivedDesc, prometheus.CounterValue, float64(sums.Received))
	for column, n := range map[string]uint64{
		"pending": sums.Pending, "stored": sums.Stored, "deduplicated": sums.Deduplicated,
		"dead_lettered": sums.DeadLettered, "rejected": sums.Rejected,
	} {
		out <- prometheus.MustNewConstMetric(columnDesc, prometheus.GaugeValue, float64(n), column)
	}
	for reason, n := range sums.Reasons {
		out <- prometheus.MustNewConstMetric(reasonDesc, prometheus.CounterValue, float64(n), reason)
	}
}

// collectIdentity reads what the identity graph counts.
func (l *ledger) collectIdentity(out chan<- prometheus.Metric) {
	s := l.pipeline.IdentityState()
	out <- prometheus.MustNewConstMetric(oversizeDesc, prometheus.CounterValue, float64(s.Oversized))
	out <- prometheus.MustNewConstMetric(changesDesc, prometheus.CounterValue, float64(s.Merges), "merge")
	out <- prometheus.MustNewConstMetric(changesDesc, prometheus.CounterValue, float64(s.Splits), "split")
	for reason, n := range s.Dropped {
		out <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(n), reason)
	}
}

// families describes the ledger's metrics, for the reference.
func families() []telemetry.Family {
	return []telemetry.Family{
		{Name: "rapport_events_received_total", Type: "counter", Help: "Events handed over with a valid key."},
		{Name: "rapport_events", Type: "gauge", Labels: "column", Help: "Where the received events are; the columns add up to them."},
		{Name: "rapport_identifiers_dropped_total", Type: "counter", Labels: "reason", Help: "Identifiers of stored events that do not count, by reason."},
		{Name: "rapport_identity_oversized_total", Type: "counter", Help: "How often a component of the identity graph was too large to be resolved at once."},
		{Name: "rapport_identity_changes_total", Type: "counter", Labels: "kind", Help: "Merges and splits of people."},
		{Name: "rapport_source_limited_events_total", Type: "counter", Labels: "source", Help: "Events answered 429 for the limits of a source or its write keys; each attempt counts."},
		{Name: "rapport_refused_events", Type: "counter", Labels: "reason", Help: "Dead letters and rejections by reason."},
	}
}
