package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the registry of a process. Values that other packages count are
// read when they are asked for, so that counting costs them nothing here.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	help     []Family
}

// Family describes one metric, for the reference.
type Family struct {
	Name, Type, Labels, Help string
}

// Route counts the requests of one route. Its counters are looked up once, so
// that counting a request allocates nothing.
type Route struct {
	byStatus [6]prometheus.Counter // by hundreds; 0: a status out of range
	seconds  prometheus.Observer
}

// NewMetrics makes a registry with the runtime's own metrics and build, the
// version of the program.
func NewMetrics(build string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rapport_http_requests_total", Help: "Requests answered, by route and class of status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rapport_http_request_seconds", Help: "Time from the request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.help = []Family{
		{"rapport_http_requests_total", "counter", "route, status", "Requests answered, by route and class of status."},
		{"rapport_http_request_seconds", "histogram", "route", "Time from the request's header to the end of its answer."},
		{"go_*, process_*", "", "", "The runtime's and the process's own."},
	}
	m.Gauge("rapport_build_info", "Always 1; the labels say which program this is.",
		Labels{"version": build, "go": runtime.Version()}, func() float64 { return 1 })
	return m
}

// Labels are the fixed labels of a metric.
type Labels = prometheus.Labels

// Gauge registers a value that is read when metrics are asked for. The same
// name may come again with other values of the same labels.
func (m *Metrics) Gauge(name, help string, labels Labels, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, read))
	m.describe(name, "gauge", help, labels)
}

// Counter registers a sum that never shrinks and is read when metrics are
// asked for.
func (m *Metrics) Counter(name, help string, labels Labels, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, read))
	m.describe(name, "counter", help, labels)
}

// Register adds a collector of another package.
func (m *Metrics) Register(c prometheus.Collector) { m.registry.MustRegister(c) }

// Families lists what is registered by name, for the reference.
func (m *Metrics) Families() []Family { return m.help }

// Route gives the counters of a route. The name is a pattern, never a path.
func (m *Metrics) Route(pattern string) *Route {
	r := &Route{seconds: m.seconds.WithLabelValues(pattern)}
	for i := range r.byStatus {
		name := "other"
		if i > 0 {
			name = strconv.Itoa(i) + "xx"
		}
		r.byStatus[i] = m.requests.WithLabelValues(pattern, name)
	}
	return r
}

// Done counts one request.
func (r *Route) Done(status int, took time.Duration) {
	class := status / 100
	if class < 1 || class >= len(r.byStatus) {
		class = 0
	}
	r.byStatus[class].Inc()
	r.seconds.Observe(took.Seconds())
}

// Handler serves the metrics in Prometheus's text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) describe(name, kind, help string, labels Labels) {
	for _, f := range m.help {
		if f.Name == name {
			return
		}
	}
	m.help = append(m.help, Family{name, kind, labelNames(labels), help})
}
