//! Compared with DataFusion.
