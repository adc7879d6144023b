"""Figures about models and judgements: intervals, calibration, agreement, win rates. numpy only."""
