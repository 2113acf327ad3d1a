package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * A SELECT on a standby whose reader wants its rows in portions (a fetch size), which takes a transaction. Nearly all have
 * few rows, and do without: these come at once. One that turns out to have more is begun anew in a transaction, so
 * that no result, however large, is in memory as a whole.
 */
final class LargeRead {

    /** The most rows that come at once. */
    static final int AT_ONCE = 2_000;

    private LargeRead() { }

    /** Whether it can be told how many rows there are: only where one may go back in them. */
    static boolean isFor(PreparedStatement statement) throws SQLException {
        return statement.getFetchSize() > 0 && statement.getMaxRows() == 0
                && statement.getResultSetType() == ResultSet.TYPE_SCROLL_INSENSITIVE;
    }

    /** All rows if they are few; null: there are more. */
    static ResultSet few(PreparedStatement statement) throws SQLException {
        ResultSet rows;
        statement.setMaxRows(AT_ONCE + 1);
        try {
            rows = statement.executeQuery();
        } finally {
            statement.setMaxRows(0);
        }
        if (rows.last() && rows.getRow() > AT_ONCE) {
            rows.close();
            return null;
        }
        rows.beforeFirst();
        return rows;
    }

    /** The same in portions, in the transaction that there is by now. */
    static ResultSet inPortions(Connection connection, String text, PreparedStatement like, Parameters parameters)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(text);
        statement.closeOnCompletion();
        statement.setFetchSize(like.getFetchSize());
        statement.setQueryTimeout(like.getQueryTimeout());
        parameters.copyTo(statement);
        return statement.executeQuery();
    }
}
