package event

// An exposure is an event that the server makes itself: somebody was shown a
// variant of an experiment.
const (
	ExposureSource = "experiments"       // key of the source; no other events come from it
	ExposureName   = "Experiment Viewed" // its name, as the tracking protocol has it
)

// The properties of an exposure.
const (
	ExposureExperiment = "experiment_id"
	ExposureVariant    = "variation_id"
	ExposurePhase      = "phase"
	ExposurePropensity = "propensity" // of ten thousand people such as this one, how many get the variant
	ExposurePolicy     = "policy"
	ExposureFeatures   = "features"
)

// Exposes tells whether the event is an exposure.
func (e *Event) Exposes() bool {
	return e.Source == ExposureSource && e.Type == Track && e.Name == ExposureName
}
