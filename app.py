"""The app's entry. Streamlit runs it anew for every visitor and click, and `streamlit run` finds the server in it."""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from collect.pages import entry

    entry.draw()
else:  # `streamlit run app.py` has seen the name below: it takes the server from here, and is what `collect app` is
    from collect import server

    app = st.App(server.script(), **server.found_by_streamlit())
