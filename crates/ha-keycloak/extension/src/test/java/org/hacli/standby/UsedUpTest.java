package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.apache.http.client.entity.UrlEncodedFormEntity;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.message.BasicNameValuePair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UsedUpTest {

    private static HttpPost post(String grant) throws IOException {
        HttpPost post = new HttpPost("http://provider.test/token");
        post.setEntity(new UrlEncodedFormEntity(List.of(new BasicNameValuePair("refresh_token", "a"),
                new BasicNameValuePair("grant_type", grant))));
        return post;
    }

    @AfterEach
    void forget() {
        WriteRefused.takeMark();
    }

    @Test
    void a_refresh_token_is_not_used() throws IOException {
        AskedClient asked = new AskedClient();
        UsedUp client = new UsedUp(asked);
        IOException refused = assertThrows(IOException.class, () -> client.execute(post("refresh_token")));
        assertTrue(WriteRefused.isCauseOf(refused));
        assertTrue(WriteRefused.decidesOn(200));
        client.execute(post("authorization_code"));
        client.execute(new HttpPost("http://provider.test/userinfo"));
        client.execute(new HttpGet("http://provider.test/certs"));
        assertEquals(List.of("POST", "POST", "GET"), asked.asked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/realms/r/broker/idp/token", "realms/r/broker/idp/token", "/auth/realms/r/protocol/openid-connect/token/"})
    void askedFor(String path) {
        assertTrue(UsedUp.isAskedFor(path));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/realms/r/protocol/openid-connect/logout", "/realms/r/broker/idp/endpoint", "/admin/realms/r/users"})
    void notAskedFor(String path) {
        assertFalse(UsedUp.isAskedFor(path));
    }
}
