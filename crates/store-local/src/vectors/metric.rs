//! Metrics, as FAISS names them.

use faiss::MetricType;
use semsearch_store::Metric;

/// FAISS's metric.
pub(super) fn metric_type(metric: Metric) -> MetricType {
    match metric {
        Metric::Ip => MetricType::InnerProduct,
        Metric::L2 => MetricType::L2,
    }
}

/// The number by which a FAISS file names the metric (`MetricType.h`).
pub(super) fn number(metric: Metric) -> u32 {
    match metric {
        Metric::Ip => 0,
        Metric::L2 => 1,
    }
}
