"""The market itself: state, daily schedule, kernels, scenario, virtual survey."""
